"""The command that writes a network for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cladeseg.cli.base import MODELS, bundle_folder, command
from cladeseg.cli.options import Bundle, Weights


@command(
    "cladeseg export hippocampus --output model.ts",
    "cladeseg export acdc --weights R/models/model.pt --form onnx --output acdc.onnx",
    panel=MODELS,
)
def export(
    bundle: Bundle,
    output: Annotated[Path, typer.Option(help="The file; none is overwritten.")],
    *,
    weights: Weights = None,
    form: Annotated[
        str,
        typer.Option(
            metavar="torchscript|torch-export|onnx", help="What is written; onnx needs pip install 'cladeseg\\[onnx]'."
        ),
    ] = "torchscript",
) -> None:
    """Write a bundle's network for programs that do not have this package.

    The file is opened again and must label every voxel as the network does.  It maps windows of the training patch's
    size, preprocessed, to log p(leaf).  Weights of two passes give two files, NAME_first and NAME_second.
    """
    from cladeseg.segmentation.workflow.export import export_network

    for file in export_network(bundle_folder(bundle), output, weights=weights, form=form):
        Console().print(f"written: {file}", soft_wrap=True, highlight=False, markup=False)

"""The command that compares the profiles of inference with MONAI's sliding window."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cladeseg.cli.base import DATA, OUTPUT, benchmarks, bundle_folder, command
from cladeseg.cli.options import Bundle


@command(
    "cladeseg benchmark inference acdc --dataset D --weights R/models/model.pt --output speed.json",
    on=benchmarks,
)
def inference(
    bundle: Bundle,
    dataset: Annotated[Path, typer.Option(help="Folder of labelled cases.", rich_help_panel=DATA)],
    weights: Annotated[Path, typer.Option(help="Of a run, whose datalist.json gives the split.", rich_help_panel=DATA)],
    *,
    output: Annotated[
        Path | None, typer.Option(show_default="none", help="JSON file for the figures.", rich_help_panel=OUTPUT)
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="test|validation|all", help="Which part of the cases.", rich_help_panel=DATA)
    ] = "test",
    cases: Annotated[int, typer.Option(min=1, help="How many of the split.", rich_help_panel=DATA)] = 4,
) -> None:
    """Seconds, memory and Dice of each inference profile beside MONAI's sliding window.

    The same network, window and overlap on the same cases, by turns.  Prints a Markdown table.
    """
    from cladeseg.benchmark.inference_speed import inference_speed, speed_table

    result = inference_speed(bundle_folder(bundle), dataset, weights=weights, split=split, cases=cases, output=output)
    Console().print(speed_table(result), soft_wrap=True, highlight=False, markup=False)

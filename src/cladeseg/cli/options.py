"""Options that several commands share, so that each is named and explained in one way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cladeseg.cli.base import DATA, LABELS, NETWORK

Taxonomy = Annotated[Path, typer.Option(help="Label tree, JSON or YAML.", rich_help_panel=LABELS)]
Layout = Annotated[
    str | None,
    typer.Option(help="Folder layout: acdc, brats or msd; that of the bundle if left out.", rich_help_panel=DATA),
]
LabelConvention = Annotated[
    str,
    typer.Option(
        help="Integers of the label files; 'auto' detects them from the files and the tree.", rich_help_panel=LABELS
    ),
]
Intensity = Annotated[
    str, typer.Option(help="'percentiles', or 'brain' for images that are 0 around it.", rich_help_panel=DATA)
]
Weights = Annotated[
    Path | None,
    typer.Option(help="A .pt or .safetensors file; the bundle's own if left out.", rich_help_panel=NETWORK),
]
Device = Annotated[str, typer.Option(help="'auto' is CUDA where there is one.", rich_help_panel=NETWORK)]
Modalities = Annotated[
    str | None,
    typer.Option(help="Those to look at, with commas; all that an image has if left out.", rich_help_panel=DATA),
]

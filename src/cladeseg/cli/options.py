"""Options that several commands share, so that each is named and explained in one way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cladeseg.cli.base import DATA, LABELS, MACHINES, NETWORK

Bundle = Annotated[
    str,
    typer.Argument(
        metavar="BUNDLE", help="The bundle's folder, or the name of a shipped one: acdc, brats, hippocampus, myops."
    ),
]
Taxonomy = Annotated[Path, typer.Option(help="Label tree, JSON or YAML.", rich_help_panel=LABELS)]
LAYOUTS = "Folder layout: auto, acdc, bids, brats, datalist, folders, msd or nnunet; 'auto' recognises it."
Layout = Annotated[
    str | None,
    typer.Option(show_default="that of the tree's bundle, else auto", help=LAYOUTS, rich_help_panel=DATA),
]
LabelConvention = Annotated[
    str,
    typer.Option(
        help="File convention of the labels; 'auto' detects it from the files and the tree.", rich_help_panel=LABELS
    ),
]
Intensity = Annotated[
    str, typer.Option(help="'percentiles', or 'brain' for images that are 0 around it.", rich_help_panel=DATA)
]
Weights = Annotated[
    Path | None,
    typer.Option(show_default="the bundle's own", help="A .pt or .safetensors file.", rich_help_panel=NETWORK),
]
Device = Annotated[str, typer.Option(help="'auto' is CUDA where there is one.", rich_help_panel=NETWORK)]
Modalities = Annotated[
    str | None,
    typer.Option(show_default="all that there are", help="Those to look at, with commas.", rich_help_panel=DATA),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        show_default="one for each core, at most 4",
        help="Cases that are read at a time; each takes the memory of one.",
        rich_help_panel=DATA,
    ),
]
Processes = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        show_default="this one alone",
        help="Processes of this machine, each with the model; jobs of --slurm.",
        rich_help_panel=MACHINES,
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        show_default="none",
        help="A running Dask scheduler, e.g. tcp://node1:8786, whose workers see the same files.",
        rich_help_panel=MACHINES,
    ),
]
Slurm = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default="none",
        help="Options of dask_jobqueue.SLURMCluster, JSON or YAML: workers are jobs of SLURM.",
        rich_help_panel=MACHINES,
    ),
]

"""The command that measures how fast things are beside what others do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cladeseg.cli.base import DATA, OUTPUT, benchmarks, bundle_folder, command

PARTS = "What is measured"


@command(
    "cladeseg benchmark speed --output speed.json",
    "cladeseg benchmark speed --step --bundle acdc",
    "cladeseg benchmark speed --inference --bundle acdc --dataset D --weights R/models/model.pt",
    on=benchmarks,
)
def speed(
    *,
    step: Annotated[
        bool, typer.Option("--step", help="Training steps beside the supervised one.", rich_help_panel=PARTS)
    ] = False,
    loader: Annotated[
        bool, typer.Option("--loader", help="What a training waits for its data.", rich_help_panel=PARTS)
    ] = False,
    inference: Annotated[
        bool, typer.Option("--inference", help="Profiles beside MONAI's sliding window.", rich_help_panel=PARTS)
    ] = False,
    contrast: Annotated[
        bool,
        typer.Option("--contrast", help="NT-Xent beside MONAI's loss; needs 13 GB of memory.", rich_help_panel=PARTS),
    ] = False,
    evaluation: Annotated[
        bool,
        typer.Option("--evaluation", help="Scoring of 1,000 cases beside MONAI's metrics.", rich_help_panel=PARTS),
    ] = False,
    bundle: Annotated[str, typer.Option(help="A shipped bundle, or the folder of one.", rich_help_panel=DATA)] = "acdc",
    dataset: Annotated[
        Path | None,
        typer.Option(show_default="phantoms", help="Folder of labelled cases.", rich_help_panel=DATA),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(show_default="none", help="Of a run, whose datalist.json gives the split.", rich_help_panel=DATA),
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="test|validation|all", help="Cases of inference.", rich_help_panel=DATA)
    ] = "test",
    cases: Annotated[int, typer.Option(min=1, help="How many of them.", rich_help_panel=DATA)] = 4,
    rounds: Annotated[int, typer.Option(min=1, help="Steps of each method.", rich_help_panel=DATA)] = 12,
    output: Annotated[
        Path | None, typer.Option(show_default="none", help="JSON file for the figures.", rich_help_panel=OUTPUT)
    ] = None,
) -> None:
    """Ratios of times within one run, by turns: training steps, loader, inference, contrastive loss, evaluation.

    Without a choice: step and loader.  Prints Markdown tables.
    """
    from cladeseg.benchmark.speed import speed as measure
    from cladeseg.benchmark.speed import speed_tables

    wanted = {"step": step, "loader": loader, "inference": inference, "contrast": contrast, "evaluation": evaluation}
    parts = [part for part, chosen in wanted.items() if chosen] or ["step", "loader"]
    folder = bundle_folder(bundle)
    result = measure(parts, folder, dataset, weights=weights, split=split, cases=cases, rounds=rounds, output=output)
    Console().print(speed_tables(result), soft_wrap=True, highlight=False, markup=False)

"""The command that tries commands on large cohorts: killed workers, and more and more cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cladeseg.cli.base import DATA, OUTPUT, benchmarks, command

PARTS = "What is tried"


@command(
    "cladeseg benchmark cohorts --output runs/cohorts --kills 20",
    "cladeseg benchmark cohorts --output runs/cohorts --growth --most 1000",
    on=benchmarks,
)
def cohorts(
    output: Annotated[
        Path, typer.Option(help="Folder of phantoms and figures; what is measured is kept.", rich_help_panel=OUTPUT)
    ],
    *,
    kills: Annotated[
        int,
        typer.Option(
            min=0, help="Predictions of which a worker is killed; needs the extra cluster.", rich_help_panel=PARTS
        ),
    ] = 0,
    growth: Annotated[
        bool, typer.Option("--growth", help="Memory and time from 10 to 10,000 cases.", rich_help_panel=PARTS)
    ] = False,
    cases: Annotated[int, typer.Option(min=10, help="Of each prediction of --kills.", rich_help_panel=DATA)] = 200,
    most: Annotated[int, typer.Option(min=10, help="Cases of --growth.", rich_help_panel=DATA)] = 10_000,
) -> None:
    """Kill workers at random moments and compare with one process; and measure commands on more and more cases.

    The network is small: what is tried is everything around it.  Prints Markdown tables; --growth also writes
    growth.webp.  Kill it at any time and call it again.
    """
    from cladeseg.benchmark.cohorts import SIZES, growth_figure, growth_study, growth_table, kill_study, kill_table

    if not kills and not growth:
        raise typer.BadParameter("nothing is asked for; add --kills N or --growth")
    console = Console()
    if kills:
        table = kill_table(kill_study(output / "kills", cases=cases, rounds=kills))
        console.print(table, soft_wrap=True, highlight=False, markup=False)
    if growth:
        found = growth_study(output / "growth", sizes=[size for size in SIZES if size <= most])
        growth_figure(found, output / "growth" / "growth.webp")
        console.print(growth_table(found), soft_wrap=True, highlight=False, markup=False)

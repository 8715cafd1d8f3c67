"""The omics study from the command line: all cells, one table on the screen, one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cladeseg.benchmark.store import write_csv
from cladeseg.bundle.run_folder import configure_logging
from cladeseg.omics.phantoms import write_omics_phantom
from cladeseg.omics.study import (
    SHARES,
    StudyPlan,
    calibration_table,
    run_study,
    study_cells,
    study_page,
    study_table,
    taught_gain,
)

_PAGE = "report.html"


def run_omics_benchmark(
    dataset: str | Path,
    output: str | Path,
    tree: str | Path | None,
    *,
    draws: int = 10,
    further: int = 5,
    seed: int = 0,
    workers: int = 2,
    shares: Sequence[float] = SHARES,
) -> Path:
    """Compute what is missing, print the table, write ``table.csv`` and the page.

    Args:
        dataset: see :func:`~cladeseg.omics.data.read_dataset`.
        output: its ``cells`` folder keeps one small file for each cell.
        tree: file of the class tree; ``None`` for a flat one.
        draws: of labels.
        further: the first of them also get slow baselines and ablations.
        seed: of the split.
        workers: processes at a time.
        shares: of labels.

    Returns:
        The page.

    Raises:
        DataError: the data cannot be used, or cells there were made with other settings.
    """
    configure_logging()
    plan = StudyPlan(str(dataset), None if tree is None else str(tree))
    cells = study_cells(shares, draws=draws, further=further, seed=seed)
    if tree is None:
        cells = [key for key in cells if not key.coarse]
    results = run_study(plan, cells, Path(output) / "cells", workers=workers)
    table = study_table(results)
    write_csv(table, Path(output) / "table.csv")
    write_csv(calibration_table(results[results["coarse"] == 0]), Path(output) / "calibration.csv")
    write_csv(taught_gain(results), Path(output) / "distillation.csv")
    for condition in table["condition"].unique():
        Console().print(_shown(table[(table["condition"] == condition) & (table["coarse"] == 0)], str(condition)))
    return study_page(results, Path(output) / _PAGE)


def run_omics_demo(output: str | Path, tree: str | Path, *, seed: int = 0) -> Path:
    """Generate phantoms and run a small study on them."""
    data = Path(output) / "data"
    if not (data / "labels.csv").is_file():
        write_omics_phantom(data, seed=seed)
    return run_omics_benchmark(data, output, tree, draws=3, further=1, seed=seed, shares=(0.1, 0.5))


def _shown(table: pd.DataFrame, title: str) -> Table:
    shown = Table(title=f"macro-F1, {title}")
    shares = sorted(table["share"].unique())
    for name in ("method", *(f"{share:.0%}" for share in shares)):
        shown.add_column(name, justify="left" if name == "method" else "right")
    for method, one in table.groupby("method", sort=False):
        means = one.set_index("share")["mean"]
        shown.add_row(Text(str(method)), *(f"{means[share]:.3f}" if share in means else "–" for share in shares))
    return shown

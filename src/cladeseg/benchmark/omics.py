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
from cladeseg.files import atomic_write
from cladeseg.omics.phantoms import write_omics_phantom
from cladeseg.omics.study import (
    SHARES,
    StudyPlan,
    results_markdown,
    run_study,
    study_cells,
    study_page,
    study_table,
)

_PAGE = "report.html"


def run_omics_benchmark(
    dataset: str | Path,
    output: str | Path,
    tree: str | Path | None,
    *,
    draws: int = 10,
    further: int | None = None,
    seed: int = 0,
    workers: int = 2,
    shares: Sequence[float] = SHARES,
) -> Path:
    """Compute what is missing, print the table, write ``table.csv``, ``README.md`` and the page.

    Args:
        dataset: see :func:`~cladeseg.omics.data.read_dataset`.
        output: its ``cells`` folder keeps one small file for each cell.
        tree: file of the class tree; ``None`` for a flat one.
        draws: of labels.
        further: only the first of them get slow baselines and ablations; all if ``None``.
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
    command = f"cladeseg benchmark omics --dataset D --output S --draws {draws} --seed {seed}"
    write_omics_results(results, output, title=f"Omics study of {Path(dataset).stem}", command=command)
    table = study_table(results)
    for condition in table["condition"].unique():
        Console().print(_shown(table[(table["condition"] == condition) & (table["coarse"] == 0)], str(condition)))
    return study_page(results, Path(output) / _PAGE)


def write_omics_results(results: pd.DataFrame, folder: str | Path, *, title: str, command: str) -> Path:
    """Write ``table.csv`` and ``README.md``; the same results give the same files.

    Args:
        results: of :func:`~cladeseg.omics.study.read_study`.
        folder: where to.
        title: of the page.
        command: that made the results.

    Returns:
        The page.
    """
    write_csv(study_table(results), Path(folder) / "table.csv")
    page = Path(folder) / "README.md"
    with atomic_write(page) as temporary:
        temporary.write_text(results_markdown(results, title=title, command=command), encoding="utf-8", newline="\n")
    return page


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

"""``cladeseg benchmark labels``: from a grid to its results page, going on where it stopped."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cladeseg.benchmark.choice import choose_patients
from cladeseg.benchmark.encoders import EncoderWork, pretrain_encoders
from cladeseg.benchmark.grid import Grid, read_grid
from cladeseg.benchmark.nnunet.environment import NnunetEnvironment
from cladeseg.benchmark.results_page import write_results
from cladeseg.benchmark.run_work import RunWork
from cladeseg.benchmark.runner import run_grid
from cladeseg.benchmark.runs import RunKey, planned_runs, refuse_changes, refuse_stale, refuse_without_nnunet
from cladeseg.benchmark.store import ResultStore
from cladeseg.bundle.shipped import is_shipped
from cladeseg.files import DataError
from cladeseg.segmentation.phantoms import write_msd_phantoms
from cladeseg.tasks import IN_PROCESS, Machines, raise_failures


def run_benchmark(
    config: Path,
    *,
    output: Path,
    machines: Machines = IN_PROCESS,
    dry_run: bool = False,
    page_only: bool = False,
    nnunet: Path | None = None,
    console: Console | None = None,
) -> Path | None:
    """Train and score what is missing in a grid, then write the results page.

    Args:
        config: the grid, see :class:`~cladeseg.benchmark.grid.Grid`.
        output: folder of the benchmark: a folder for each run, ``selections`` where a method has its patients selected,
            ``results``, and ``records`` unless the grid names another folder for the results of its runs.  Finished
            runs are kept, failed ones are tried again; it may hold several grids of one task, which share runs.
        machines: where runs are done; one after the other in this process by default.
        dry_run: only show what is finished and what is missing.
        page_only: train nothing, and write the page of what is finished so far; it says how many runs are missing.
        nnunet: environment in which nnU-Net v2 is installed, for grids with a method that is nnU-Net.
        console: what is shown.

    Returns:
        The results page; ``None`` after a dry run, which writes nothing.

    Raises:
        DataError: the grid is wrong, or ``output`` holds runs with other settings, or a run that is missing needs
            nnU-Net and no environment has it; or runs failed three times, once the others and the page are done.
    """
    grid, console, output = read_grid(config), console or Console(), output.absolute()
    keys, store = planned_runs(grid), ResultStore(grid.records or output / "records")
    dataset_dir = grid.dataset_dir or output / "phantoms"
    refuse_changes(grid, keys, output=output, dataset_dir=dataset_dir)
    if dry_run:
        console.print(plan_table(grid, keys, store))
        return None
    if page_only:
        return _publish(grid, store, output, config, console)
    environment = None if nnunet is None else NnunetEnvironment(nnunet)
    refuse_without_nnunet(grid, [key for key in keys if not store.finished(key)], environment)
    _prepare_data(grid, dataset_dir)
    choose_patients(grid, keys, output=output, dataset_dir=dataset_dir, console=console)
    missing = [key for key in keys if not store.finished(key)]
    work = RunWork(grid, output, dataset_dir, store.folder, environment)
    first = EncoderWork(grid, output, dataset_dir)
    ends = pretrain_encoders(first, missing, machines=machines, console=console)
    refuse_changes(grid, keys, output=output, dataset_dir=dataset_dir)  # now with the patients that were selected
    for key in filter(store.finished, keys):
        refuse_stale(store.file(key), store.settings(key), work.settings(key))
    ends += run_grid(work, keys, machines=machines, console=console)
    page = _publish(grid, ResultStore(store.folder), output, config, console)
    raise_failures(ends)
    return page


def _command(config: Path, output: Path) -> str:
    """What makes the page; the output's own name alone, since where somebody keeps it is nobody else's business."""
    return shlex.join(["cladeseg", "benchmark", "labels", str(config), "--output", output.name])


def plan_table(grid: Grid, keys: Sequence[RunKey], store: ResultStore) -> Table:
    """How many runs of each method are finished and missing."""
    table = Table("method", "n", "runs", "finished", title=f"{grid.name}: {len(keys)} runs")
    planned = Counter((key.method, key.n) for key in keys)
    finished = Counter((key.method, key.n) for key in keys if store.finished(key))
    for (method, n), number in sorted(planned.items(), key=lambda item: str(item[0][1])):
        table.add_row(grid.labels[method], str(n), str(number), str(finished[method, n]))
    return table


def _prepare_data(grid: Grid, dataset_dir: Path) -> None:
    if grid.phantoms is None:
        if not dataset_dir.is_dir():
            raise DataError(f"{dataset_dir}: no such folder; 'dataset_dir' of the grid should be the data")
        return
    arguments: dict[str, Any] = dict(grid.phantoms)
    try:
        write_msd_phantoms(dataset_dir, **arguments)
    except TypeError as error:
        raise DataError(f"phantoms: {error}") from error


def _is_shown(grid: Grid, store: ResultStore) -> bool:
    """Whether the page stands with the bundle: a part of a grid is shown once each method has a run."""
    with_a_run = {key.method for key in planned_runs(grid) if store.finished(key)}
    return grid.split == "test" and with_a_run == set(grid.labels)


def _publish(grid: Grid, store: ResultStore, output: Path, config: Path, console: Console) -> Path:
    command = _command(config, output)
    page = write_results(grid, store, output / "results" / grid.name, command=command)
    if grid.results is not None and not is_shipped(grid.results) and _is_shown(grid, store):
        page = write_results(grid, store, grid.results, command=command)
    console.print(f"results: {page}", soft_wrap=True)
    return page

"""Run what is missing in a grid, each run a task; one that fails is reported and the others go on."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from cladeseg.benchmark.progress import GridProgress
from cladeseg.benchmark.run_work import RunWork
from cladeseg.benchmark.runs import RunKey, run_folder, run_label
from cladeseg.benchmark.store import FINISHED, ResultStore
from cladeseg.bundle.bundle_run import terminate_on_exit
from cladeseg.files import read_json
from cladeseg.tasks import IN_PROCESS, End, Machines, run_tasks


def run_grid(
    work: RunWork, keys: Sequence[RunKey], *, machines: Machines = IN_PROCESS, console: Console | None = None
) -> list[End]:
    """Do every run that has no result yet; on the way out nothing is left running.

    A run that failed in an earlier call is tried again.  One that fails three times gets a result without scores.

    Args:
        work: what is done with a run.
        keys: all runs of the grid.
        machines: where; one after the other in this process by default.
        console: what is shown.

    Returns:
        How each of the runs that were missing ended.
    """
    store, console = ResultStore(work.results), console or Console()
    missing = {key.name: key for key in keys if not store.finished(key)}
    tasks = [work.task(key) for key in missing.values()]
    for task in tasks:
        task.file.unlink(missing_ok=True)  # of a failure: where a result lies, nothing is done
    took = store.runs.loc[store.runs["status"] == FINISHED, "seconds"].dropna().tolist()
    waiting = {name: (run_label(work.grid, key), work.usage(key).path) for name, key in missing.items()}
    done, ends = len(keys) - len(missing), []
    with terminate_on_exit([]), GridProgress(waiting, done=done, took=took, console=console) as progress:
        for end in run_tasks(work, tasks, machines):
            ends.append(end)
            _show_end(end, missing[end.task.name], work, progress)
    return ends


def _show_end(end: End, key: RunKey, work: RunWork, progress: GridProgress) -> None:
    """Show how a run ended, and put a failure into the results."""
    label = run_label(work.grid, key)
    if end.message is not None:
        work.store_failure(key, end.message)
        log = run_folder(work.output, key) / "train.log"
        progress.ended(key.name, f"failed, the others go on: {log}: {label}: {end.message}")
        return
    row = read_json(end.task.file)["run"]
    dice = "undefined" if row["dice"] is None else f"{row['dice']:.3f}"
    progress.ended(key.name, f"{label}: Dice {dice} after {row['seconds'] or 0:.0f} s", row["seconds"])

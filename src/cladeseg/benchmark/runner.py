"""Run what is missing in a grid, a process per core; a run that fails is reported and the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from cladeseg.benchmark.collect import case_rows, run_row
from cladeseg.benchmark.runs import RunKey
from cladeseg.benchmark.store import FAILED, FINISHED, ResultStore, RunRow
from cladeseg.benchmark.usage import Usage
from cladeseg.bundle.bundle_run import BundleRun, CommandError, terminate_on_exit
from cladeseg.bundle.run_folder import backup_existing
from cladeseg.files import DataError, one_line
from cladeseg.taxonomy import Taxonomy

_PAUSE_S = 1.0


class ActiveRun:
    """A run that has a core.

    Args:
        key: which one.
        run: its commands.
        taxonomy: the task's label tree.
    """

    def __init__(self, key: RunKey, run: BundleRun, taxonomy: Taxonomy) -> None:
        self.key = key
        self.run = run
        self.taxonomy = taxonomy
        self.usage = Usage(Path(run.folder.root) / "usage.json")
        if run.stage == "done" and not self._scored():
            backup_existing(run.folder.evaluation)  # of another part: the weights are kept, the cases are scored again

    def _scored(self) -> bool:
        try:
            return bool(case_rows(self.key, self.run.folder, self.taxonomy))
        except DataError:
            return False

    def advance(self) -> str:
        """Go on, and return the stage.

        Raises:
            DataError: a command failed.
        """
        self.usage.look(None if self.run.process is None else self.run.process.pid)
        return self.run.advance()

    def store(self, results: ResultStore, settings: Mapping[str, Any]) -> RunRow:
        """Put the finished run into the results, with the settings that it was made with."""
        self.usage.store()
        row = run_row(self.key, self.run.folder, self.taxonomy, self.usage.so_far())
        results.add(row, case_rows(self.key, self.run.folder, self.taxonomy), settings)
        return row

    def store_failure(self, results: ResultStore, error: DataError) -> None:
        """Put a row without scores into the results."""
        self.usage.store()
        results.add(
            RunRow(
                **asdict(self.key),
                status=FAILED,
                seconds=self.usage.seconds,
                peak_mb=self.usage.peak_mb,
                message=error.summary if isinstance(error, CommandError) else one_line(error),
            )
        )


class Runner:
    """Works through the missing runs of a grid.

    Args:
        keys: all runs of the grid.
        results: where finished ones are, and go.
        commands: makes the commands of a run.
        settings: of a run, as its result keeps them.
        taxonomy: the task's label tree.
        workers: processes at a time.
        console: what is shown.
    """

    def __init__(
        self,
        keys: Sequence[RunKey],
        *,
        results: ResultStore,
        commands: Callable[[RunKey], BundleRun],
        settings: Callable[[RunKey], Mapping[str, Any]],
        taxonomy: Taxonomy,
        workers: int,
        console: Console,
    ) -> None:
        self.keys = keys
        self.waiting = [key for key in keys if not results.finished(key)]
        self.results = results
        self.commands = commands
        self.settings = settings
        self.taxonomy = taxonomy
        self.workers = workers
        self.console = console
        self.active: dict[TaskID, ActiveRun] = {}

    def run(self) -> None:
        """Run everything that is missing; on the way out nothing is left running."""
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
        with Progress(*columns, console=self.console) as progress:
            done = len(self.keys) - len(self.waiting)
            total = progress.add_task("runs", total=len(self.keys), completed=done, state="")
            started: list[BundleRun] = []
            with terminate_on_exit(started):
                while self.waiting or self.active:
                    self._fill(progress, started)
                    finished = sum([self._advance(progress, line) for line in list(self.active)])
                    progress.update(total, advance=finished, state=self._state())
                    time.sleep(0 if finished else _PAUSE_S)

    def _fill(self, progress: Progress, started: list[BundleRun]) -> None:
        while self.waiting and len(self.active) < self.workers:
            key = self.waiting.pop(0)
            run = self.commands(key)
            started.append(run)
            line = progress.add_task(run.label, total=1, state="")
            self.active[line] = ActiveRun(key, run, self.taxonomy)

    def _advance(self, progress: Progress, line: TaskID) -> bool:
        """Go on with one run; whether it came to its end."""
        active = self.active[line]
        try:
            stage = active.advance()
            self._show(progress, line, stage)
            if stage != "done":
                return False
            row = active.store(self.results, self.settings(active.key))
            self.console.print(f"{active.run.label}: Dice {_number(row.dice)} after {row.seconds or 0:.0f} s")
        except DataError as error:
            active.store_failure(self.results, error)
            self.console.print(f"failed, the others go on: {error}", markup=False, soft_wrap=True)
        progress.remove_task(line)
        del self.active[line]
        return True

    def _show(self, progress: Progress, line: TaskID, stage: str) -> None:
        epoch = self.active[line].run.history().get("epoch", "0")
        state = f"epoch {epoch}" if stage == "training" else stage
        task = next(task for task in progress.tasks if task.id == line)
        if not self.console.is_terminal and task.fields["state"].split()[:1] != state.split()[:1]:
            self.console.print(f"{self.active[line].run.label}: {stage}")
        progress.update(line, state=state)

    def _state(self) -> str:
        """How many are done, and the time left."""
        runs = self.results.runs
        took = runs.loc[runs["status"] == FINISHED, "seconds"].dropna().tolist()
        running = [active.usage.seconds for active in self.active.values()]
        left = seconds_left(took, running=running, waiting=len(self.waiting), workers=self.workers)
        done = len(self.keys) - len(self.waiting) - len(self.active)
        return f"{done} of {len(self.keys)}" + ("" if left is None else f", about {duration(left)} left")


def seconds_left(finished: Sequence[float], *, running: Sequence[float], waiting: int, workers: int) -> float | None:
    """Time until the last run ends, if each takes as long as the finished ones did on average; else ``None``.

    Args:
        finished: seconds that each finished run took.
        running: seconds that each run at work has taken so far.
        waiting: number of runs that have not begun.
        workers: runs at a time.

    Examples:
        >>> seconds_left([80.0, 120.0], running=[25.0], waiting=3, workers=1)
        375.0
    """
    if not finished:
        return None
    each = sum(finished) / len(finished)
    return (waiting * each + sum(max(0.0, each - seconds) for seconds in running)) / workers


def duration(seconds: float) -> str:
    """A time as people read it.

    Examples:
        >>> duration(7500), duration(200)
        ('2 h 05 min', '3 min')
    """
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"

"""What is done with a run of a grid, wherever: train, score, and put both into its result file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cladeseg.benchmark.collect import case_rows, run_row
from cladeseg.benchmark.grid import Grid
from cladeseg.benchmark.nnunet.environment import NnunetEnvironment
from cladeseg.benchmark.runs import RunKey, bundle_run, recorded_settings, run_folder
from cladeseg.benchmark.store import FAILED, ResultStore, RunRow
from cladeseg.benchmark.usage import Usage
from cladeseg.bundle.bundle_run import BundleRun, CommandError
from cladeseg.bundle.run_folder import backup_existing
from cladeseg.files import DataError
from cladeseg.tasks import Task
from cladeseg.taxonomy import load_taxonomy

_PAUSE_S = 1.0


@dataclass(frozen=True)
class RunWork:
    """Trains and scores runs, each by commands in processes of their own on one core.

    Attributes:
        grid: whose runs they are.
        output: folder of the benchmark.
        dataset_dir: the data.
        results: folder of the result files.
        nnunet: where nnU-Net is, for methods that need it.
    """

    grid: Grid
    output: Path
    dataset_dir: Path
    results: Path
    nnunet: NnunetEnvironment | None = None

    def task(self, key: RunKey) -> Task:
        """The run as one of many tasks."""
        return Task(key.name, key, ResultStore.file_in(self.results, key))

    def usage(self, key: RunKey) -> Usage:
        """What a run took so far."""
        return Usage(run_folder(self.output, key) / "usage.json")

    def run_of(self, key: RunKey) -> BundleRun:
        """The commands of a run."""
        return bundle_run(self.grid, key, output=self.output, dataset_dir=self.dataset_dir, nnunet=self.nnunet)

    def __call__(self, key: RunKey) -> None:
        """Go on with a run until it is finished, and write its result.

        Raises:
            DataError: a command failed; the message is how it ended, and the last thing that it said.
        """
        run, usage = self.run_of(key), self.usage(key)
        self._set_aside_other_scores(key, run)
        try:
            finish(run, usage)
        except CommandError as error:
            raise DataError(error.summary) from error
        finally:
            usage.store()
        self._store(key, run, usage.so_far())

    def _set_aside_other_scores(self, key: RunKey, run: BundleRun) -> None:
        """Scores of another part: the weights are kept, and the cases are scored again."""
        if run.stage == "done" and not self._scored(key, run):
            backup_existing(run.folder.evaluation)

    def _scored(self, key: RunKey, run: BundleRun) -> bool:
        try:
            return bool(case_rows(key, run.folder, load_taxonomy("configs/taxonomy.json", self.grid.bundle)))
        except DataError:
            return False

    def _store(self, key: RunKey, run: BundleRun, used: Mapping[str, float]) -> None:
        tree = load_taxonomy("configs/taxonomy.json", self.grid.bundle)
        row, cases = run_row(key, run.folder, tree, used), case_rows(key, run.folder, tree)
        ResultStore(self.results).add(row, cases, self.settings(key))

    def settings(self, key: RunKey) -> dict[str, Any]:
        """What a run's result keeps of its settings."""
        return recorded_settings(self.grid, key, output=self.output, dataset_dir=self.dataset_dir)

    def store_failure(self, key: RunKey, message: str) -> None:
        """Put a row without scores into the results."""
        used = self.usage(key)
        row = RunRow(**asdict(key), status=FAILED, message=message, seconds=used.seconds, peak_mb=used.peak_mb)
        ResultStore(self.results).add(row)


def finish(run: BundleRun, usage: Usage | None = None) -> None:
    """Do all stages of a run; on the way out nothing of it is left running.

    Args:
        run: its commands.
        usage: what keeps time, memory and stage.

    Raises:
        CommandError: a command failed.
    """
    try:
        while (stage := run.advance()) != "done":
            if usage is not None:
                usage.look(None if run.process is None else run.process.pid, _state(run, stage))
            time.sleep(_PAUSE_S)
        if usage is not None:
            usage.look(None, "done")
    finally:
        run.stop()


def _state(run: BundleRun, stage: str) -> str:
    return f"{stage}, epoch {run.history().get('epoch', '0')}" if stage == "training" else stage

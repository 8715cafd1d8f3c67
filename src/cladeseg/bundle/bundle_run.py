"""One training with its evaluation, as bundle commands in a process of their own."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.tether import is_module_call, tethered
from cladeseg.files import DataError

_TAIL_LINES = 15


class CommandError(DataError):
    """A bundle command that failed; the message ends with the last lines of its log.

    Args:
        log: what the command wrote.
        label: of the run.
        code: exit code; below zero for the signal that killed it.
        begin: byte at which the command's part of the log begins; earlier attempts wrote what is before.

    Attributes:
        summary: how it ended, and the last thing that it said.
    """

    def __init__(self, log: Path, label: str, code: int, begin: int = 0) -> None:
        ending = f"exit code {code}" if code > 0 else f"killed by {signal.Signals(-code).name}"
        lines = log.read_bytes()[begin:].decode("utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
        super().__init__(f"{log}: {label}: {ending}; its last lines are\n" + "\n".join(lines))
        self.summary = ": ".join([ending, *lines[-1:]])


class BundleRun:
    """One training with its evaluation: two bundle commands, one after the other, on one core.

    Args:
        bundle: folder of the bundle, where the commands run.
        root: the run's output folder; what is finished in it is kept, what is not goes on.
        label: what people call the run.
        overlays: configs on top of the bundle's training config.
        options: top-level keys of the configs, for both commands; none needs ``$`` to be written.
        training: further ones for the training alone.
        evaluating: further ones for the evaluation alone.
        always: in place of ``promote`` and ``resume``, for bundles whose training has neither.
    """

    #: What every training gets: it goes on where it stopped, and nobody's bundle changes.
    _ALWAYS: Mapping[str, Any] = {"promote": False, "resume": True}

    def __init__(
        self,
        *,
        bundle: Path,
        root: Path,
        label: str,
        overlays: Sequence[Path] = (),
        options: Mapping[str, Any],
        training: Mapping[str, Any] | None = None,
        evaluating: Mapping[str, Any] | None = None,
        always: Mapping[str, Any] | None = None,
    ) -> None:
        self.bundle = bundle
        self.label = label
        self.folder = RunFolder(root)
        self.files = ["configs/train.json", *map(str, overlays)]
        self.options = options
        self.always = self._ALWAYS if always is None else always
        self.of_stage = {"training": training or {}, "evaluating": evaluating or {}}
        self.process: subprocess.Popen[bytes] | None = None
        self._begin = 0

    @property
    def log(self) -> Path:
        """What the commands write."""
        return Path(self.folder.root) / "train.log"

    @property
    def scores(self) -> Path:
        """The evaluation's summary; only the page is written after it."""
        return self.folder.evaluation / "metrics.json"

    @property
    def stage(self) -> str:
        """``training``, ``evaluating`` or ``done``, judged by the files: work that was finished earlier is kept."""
        if not self.folder.description.is_file():
            return "training"
        return "done" if self.scores.is_file() else "evaluating"

    def command(self, stage: str) -> list[str]:
        """The bundle command of a stage."""
        options: dict[str, Any] = {
            "config_file": [*self.files, "configs/evaluate.json"] if stage == "evaluating" else self.files,
            "output_dir": self.folder.root,
            **self.options,
            **(self.always if stage == "training" else {}),
            **self.of_stage[stage],
        }
        flags = [part for key, value in options.items() for part in (f"--{key}", str(value))]
        return [sys.executable, "-m", "monai.bundle", "run", stage, *flags]

    def start(self, stage: str) -> None:
        """Start the command of a stage; it ends with this process, however that one ends."""
        command = self.command(stage)
        tied = is_module_call(command)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._begin = log.tell()
            # One core each: two trainings that both take every core are slower than one after the other.
            self.process = subprocess.Popen(
                tethered(command) if tied else command,
                cwd=self.bundle,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdin=subprocess.PIPE if tied else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        """End the command if it still runs; what it stored is gone on from the next time."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
            _let_go(self.process)

    def advance(self) -> str:
        """Start whatever is next once nothing runs any more, and return the stage.

        Raises:
            CommandError: the command failed.
        """
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return "evaluating" if self.stage == "done" else self.stage  # the page is written after the scores
            _let_go(self.process)
            self.process = None
            if code:
                raise CommandError(self.log, self.label, code, self._begin)
        stage = self.stage  # only now: a process that ended a moment ago has finished its files since
        if stage != "done":
            self.start(stage)
        return stage

    def history(self) -> dict[str, str]:
        """The latest epoch's row of losses and scores; empty before the first."""
        if not self.folder.history.is_file():
            return {}
        with self.folder.history.open(newline="", encoding="utf-8") as file:
            return ([{}, *csv.DictReader(file)])[-1]


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """Close what an ended process was tethered by."""
    if process.stdin is not None:
        process.stdin.close()


class Stoppable(Protocol):
    """Whatever has processes that would outlive this one."""

    def stop(self) -> None:
        """End them."""


@contextmanager
def terminate_on_exit(runs: Iterable[Stoppable]) -> Iterator[None]:
    """Stop every run on the way out, also when this process is terminated; by itself it would leave them running."""
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        for run in runs:
            run.stop()
        signal.signal(signal.SIGTERM, before)


def _exit(number: int, frame: object) -> None:
    raise SystemExit(128 + number)

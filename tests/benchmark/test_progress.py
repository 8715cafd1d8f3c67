"""A grid at work is shown from the files of its runs alone, so that they may be on other machines."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from cladeseg.benchmark.progress import GridProgress, duration, seconds_left
from cladeseg.files import write_json


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=120)


def goes_on(file: Path, seconds: float, state: str) -> None:
    """As a worker writes it now and then; the clock of a test stands still."""
    stamp = file.stat().st_mtime_ns if file.is_file() else 0
    write_json({"seconds": seconds, "peak_mb": 1.0, "state": state}, file)
    os.utime(file, ns=(stamp + 10**9, stamp + 10**9))


def shown(progress: GridProgress) -> dict[str, str]:
    """Label → state of each line."""
    return {task.description: task.fields["state"] for task in progress.progress.tasks}


def test_a_run_has_a_line_while_its_file_changes(tmp_path: Path, console: Console) -> None:
    files = {name: tmp_path / f"{name}.json" for name in "ab"}
    goes_on(files["b"], 9, "training, epoch 7")  # of an attempt that was interrupted
    waiting = {name: (f"run {name}", file) for name, file in files.items()}
    progress = GridProgress(waiting, done=1, took=[100.0], console=console)
    goes_on(files["a"], 40, "training, epoch 2")
    progress.look()
    assert shown(progress) == {"runs": "1 of 3, about 3 min left", "run a": "training, epoch 2"}
    progress.look()
    assert set(shown(progress)) == {"runs"}
    goes_on(files["a"], 60, "evaluating")
    progress.look()
    progress.ended("a", "run a: Dice 0.5", 80.0)
    assert shown(progress) == {"runs": "2 of 3, about 2 min left"}
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert said.splitlines() == ["run a: training", "run a: evaluating", "run a: Dice 0.5"]


def test_a_torn_file_is_no_reason_to_stop(tmp_path: Path, console: Console) -> None:
    file = tmp_path / "a.json"
    progress = GridProgress({"a": ("run a", file)}, done=0, took=[], console=console)
    file.write_text("[")
    progress.look()
    assert shown(progress) == {"runs": "0 of 1", "run a": ""}


def test_the_time_left_by_hand() -> None:
    assert seconds_left([], running=[5.0], waiting=3, workers=2) is None
    assert seconds_left([80.0, 120.0], running=[25.0, 300.0], waiting=3, workers=2) == (300 + 75) / 2
    assert [duration(seconds) for seconds in (29, 200, 7500)] == ["0 min", "3 min", "2 h 05 min"]

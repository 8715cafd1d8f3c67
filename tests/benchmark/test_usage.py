"""What a run costs is kept in its file, whatever interrupts it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from cladeseg.benchmark.usage import Usage


def test_time_and_memory_of_interrupted_attempts_are_kept(tmp_path: Path) -> None:
    (tmp_path / "usage.json").write_text(json.dumps({"seconds": 100.0, "peak_mb": 1.0}))
    usage = Usage(tmp_path / "usage.json")
    time.sleep(0.02)
    usage.look(os.getpid())
    usage.store()
    stored = json.loads((tmp_path / "usage.json").read_text())
    assert 100.02 <= stored["seconds"] < 110
    assert stored["peak_mb"] > 10
    usage.look(2**30)  # nobody: gone before it was looked at
    assert usage.peak_mb == stored["peak_mb"]


def test_what_a_run_does_is_written_at_once_when_it_changes(tmp_path: Path) -> None:
    usage = Usage(tmp_path / "usage.json")
    for state in ("training, epoch 1", "evaluating"):
        usage.look(None, state)
        assert json.loads((tmp_path / "usage.json").read_text())["state"] == state

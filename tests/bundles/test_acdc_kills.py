"""Fifty SIGKILLs at random moments: every resumed training ends as the one that nobody interrupted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bundle_runs import Place, differences, json_of, state_of, weights_of

KILLS = 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, so that each start costs no import")
def test_fifty_kills_at_random_moments_change_nothing(place: Place, tmp_path: Path) -> None:
    script = Path(__file__).with_name("killed_training.py")
    out = tmp_path / "out"
    command = [sys.executable, str(script), str(place.bundle), str(place.data), str(out), str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    log = (out / "log.txt").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, f"{done.stderr[-2000:]}\n{log[-4000:]}"
    assert int(done.stdout.split()[-1]) >= KILLS
    whole, *runs = sorted((path for path in out.iterdir() if path.is_dir()), key=lambda path: path.name != "whole")
    assert runs
    for run in runs:
        assert differences(weights_of(run), weights_of(whole)) == []
        assert differences(state_of(run), state_of(whole)) == []
        for name in ("history.csv", "models/model.safetensors", "datalist.json"):
            assert (run / name).read_bytes() == (whole / name).read_bytes(), f"{run.name}: {name}"
        assert json_of(run / "models" / "model.json") == json_of(whole / "models" / "model.json")
        assert not list(run.rglob(".*@*")), "temporary files of killed processes are left"

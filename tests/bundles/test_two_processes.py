"""The ACDC bundle on two processes: the training of one, whoever dies is named, and any number goes on."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from bundle_runs import PARTS, REPOSITORY, TINY, TRAIN, Place, train

OVERLAY = f"['{TRAIN}','configs/multi_gpu_train.json']"
#: Both passes, and labels that the teacher refreshes: what the shipped bundle does.
COURSE = {
    "epochs": 4,
    "settings#batch#fine": 2,
    "settings#batch#coarse": 2,
    "settings#method": "supervised",
    "settings#propagation#enabled": True,
    "settings#propagation#intensity": True,
    "settings#propagation#refresh": [0.5],
    "settings#first_pass#enabled": True,
    "settings#first_pass#spacing": [7.0, 7.0, 9.0],
    "settings#first_pass#patch_size": [32, 32, 4],
    "settings#first_pass#filters": 4,
}
SETTINGS = {**TINY, **PARTS, **COURSE}


def start(place: Place, run: Path, log: Path, **overrides: object) -> subprocess.Popen[bytes]:
    """``torchrun`` with two processes of one core each."""
    options = {**SETTINGS, "dataset_dir": place.data, "output_dir": run, **overrides}
    flags = [part for key, value in options.items() for part in (f"--{key}", str(value))]
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    words += ["-m", "monai.bundle", "run", "training", "--config_file", OVERLAY, *flags]
    paths = os.pathsep.join([str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, *words], cwd=place.bundle, env=environment, stdout=file, stderr=subprocess.STDOUT
        )


def history(run: Path) -> list[dict[str, str]]:
    file = run / "history.csv"
    return list(csv.DictReader(file.open(newline=""))) if file.is_file() else []


@pytest.fixture(scope="module")
def alone(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(place, tmp_path_factory.mktemp("alone") / "R", **COURSE)


def test_two_processes_train_what_one_does(place: Place, alone: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert start(place, tmp_path / "R", log).wait(240) == 0, log.read_text()
    for one, two in zip(history(alone), history(tmp_path / "R"), strict=True):
        assert one.keys() == two.keys()
        for name, value in one.items():
            assert float(two[name]) == pytest.approx(float(value), abs=1e-3), name
    assert {file.name for file in (alone / "models").iterdir()} == {f.name for f in (tmp_path / "R/models").iterdir()}


def test_a_dead_process_is_named_and_one_alone_goes_on(place: Place, alone: Path, tmp_path: Path) -> None:
    run, log = tmp_path / "R", tmp_path / "log"
    torchrun = start(place, run, log, epochs=40)
    deadline = time.monotonic() + 200
    while not history(run) and time.monotonic() < deadline and torchrun.poll() is None:
        time.sleep(0.05)
    victim = next(child for child in psutil.Process(torchrun.pid).children() if child.environ().get("RANK") == "1")
    victim.send_signal(signal.SIGKILL)
    assert torchrun.wait(100) != 0
    said = [line for line in log.read_text().splitlines() if "error:" in line]
    assert len(said) == 1, log.read_text()
    assert f"process 1 of 2 (pid {victim.pid} on " in said[0]
    epoch = int(history(run)[-1]["epoch"])
    train(place, run, **{**COURSE, "epochs": 40}, resume=True, stop_after=epoch + 1)
    assert int(history(run)[-1]["epoch"]) == epoch + 1

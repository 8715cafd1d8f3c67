"""The study of killed workers, on a stand-in for the command: what it counts as lost, twice and equal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cladeseg.benchmark.cohorts import kill_study, kill_table, kills
from cladeseg.benchmark.speed.record import MADE
from cladeseg.files import DataError, read_json

#: Writes results one by one and waits for its "worker" to die, then ends with what is planted.
STAND_IN = """
import pathlib, subprocess, sys, time
images, out, fault, kill = sys.argv[1:5]
out = pathlib.Path(out)
(out / "results").mkdir(parents=True, exist_ok=True)
names = sorted(file.name.removesuffix(".nii.gz") for file in pathlib.Path(images).iterdir())
if kill == "yes":
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "spawn_main"])
for name in names:
    (out / f"{name}.nii.gz").write_bytes(b"other" if fault == "mask" and name == names[0] else b"mask")
    (out / "results" / f"{name}.json").write_text("{}")
if kill == "yes":
    assert worker.wait(30) != 0
rows = [f"{name},heart" for name in (names[1:] if fault == "lost" else names)]
rows += rows[:1] if fault == "twice" else []
(out / "volumes.csv").write_text("\\n".join(["case,node", *rows]) + "\\n")
(out / "qc").mkdir()
(out / "qc" / "report.html").write_text("")
sys.exit(3 if fault == "fails" else 0)
"""


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    planted = {"is": ""}

    def predict(images: Path, out: Path, bundle: Path, *more: str) -> subprocess.Popen[str]:
        kill = "yes" if "--workers" in more else "no"
        call: list[Any] = [sys.executable, "-c", STAND_IN, images, out, planted["is"] if kill == "yes" else "", kill]
        return subprocess.Popen(list(map(str, call)), stderr=subprocess.PIPE, text=True)

    monkeypatch.setattr(kills, "_predict", predict)
    return planted


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("", {"lost": 0, "twice": 0, "equal": True}),
        ("lost", {"lost": 1, "twice": 0, "equal": False}),
        ("twice", {"lost": 0, "twice": 1, "equal": False}),
        ("mask", {"lost": 0, "twice": 0, "equal": False}),
    ],
)
def test_a_round_counts_what_differs_from_one_process(
    tmp_path: Path, fault: dict[str, str], planted: str, found: dict[str, Any]
) -> None:
    fault["is"] = planted
    result = kill_study(tmp_path, bundle=tmp_path, cases=5, rounds=1)
    (row,) = result["rounds"]
    assert {name: row[name] for name in found} == found
    assert 1 <= row["killed_after"] <= 5
    record = read_json(tmp_path / "kills.json")
    assert record["kills"] == result
    assert set(MADE) < set(record)
    assert ("1 of 1 rounds" in kill_table(result)) is found["equal"]


def test_rounds_that_are_there_are_kept(tmp_path: Path, fault: dict[str, str]) -> None:
    first = kill_study(tmp_path, bundle=tmp_path, cases=5, rounds=1)
    fault["is"] = "fails"
    assert kill_study(tmp_path, bundle=tmp_path, cases=5, rounds=1) == first  # with the time of the one process
    with pytest.raises(DataError, match="round_1: the prediction failed"):
        kill_study(tmp_path, bundle=tmp_path, cases=5, rounds=2)


def test_a_round_that_was_stopped_is_begun_anew(tmp_path: Path, fault: dict[str, str]) -> None:
    left = tmp_path / "round_0"
    (left / "qc").mkdir(parents=True)
    (left / "results").mkdir()
    for case in range(9):
        (left / "results" / f"left_{case}.json").write_text("{}")
    (row,) = kill_study(tmp_path, bundle=tmp_path, cases=5, rounds=1)["rounds"]
    assert row["equal"]
    assert row["killed_after"] <= 5

from __future__ import annotations

import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from grids import BUNDLE, grid, key
from rich.console import Console

from cladeseg.benchmark import runner as module
from cladeseg.benchmark.runner import Runner, duration, seconds_left
from cladeseg.benchmark.runs import RunKey, bundle_run
from cladeseg.benchmark.store import ResultStore
from cladeseg.benchmark.usage import Usage
from cladeseg.bundle.bundle_run import BundleRun
from cladeseg.taxonomy import load_taxonomy

#: Leaves behind what a training, or an evaluation of its test or validation part, does.
PRETENDER = """
import json, pathlib, sys
stage, run, split = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
with open(run / "calls.txt", "a") as file:
    file.write(stage + " " + split + "\\n")
cases = {"test": ["a1", "b1"], "validation": ["c1"]}
if stage == "training":
    (run / "models").mkdir(parents=True)
    lists = {part: [{"case": c, "patient": c[0], "supervision": "fine", "image": "i", "label": "l"} for c in names]
             for part, names in {**cases, "training": []}.items()}
    (run / "datalist.json").write_text(json.dumps({"format": 1, **lists}))
    (run / "models" / "model.json").write_text("{}")
else:
    (run / "eval").mkdir()
    rows = [f"{c},{leaf},{m},0.5,ok" for c in cases[split] for leaf in ("anterior", "posterior")
            for m in ("dice", "iou", "hd95_mm")]
    (run / "eval" / "metrics.csv").write_text("\\n".join(["case,node,metric,value,status", *rows]) + "\\n")
    nodes = dict.fromkeys(("anterior", "posterior"), {"hd95_mm": {"mean": 2.5}})
    summary = {"nodes": nodes, "mean_leaf": {"dice": 0.5, "iou": 0.25}, "cases": len(cases[split]), "patients": 2}
    (run / "eval" / "metrics.json").write_text(json.dumps(summary))
"""
SLEEPER = "import time; time.sleep(100)"


def pretend(self: BundleRun, stage: str) -> list[str]:
    split = str(self.of_stage["evaluating"]["split"])
    return [sys.executable, "-S", "-c", PRETENDER, stage, str(self.folder.root), split]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[BundleRun, str], list[str]]], None]:
    """Make trainings pretend and polling fast."""

    def replace(command: Callable[[BundleRun, str], list[str]]) -> None:
        monkeypatch.setattr(BundleRun, "command", command)

    monkeypatch.setattr(module, "_PAUSE_S", 0.02)
    replace(pretend)
    return replace


def run(output: Path, keys: list[RunKey], **changes: Any) -> tuple[ResultStore, str]:
    """The results, and what is printed."""
    console, results = Console(file=io.StringIO(), width=160), ResultStore(output / "records")
    options: dict[str, Any] = {"workers": 2, "console": console, "results": results}
    options["settings"] = lambda key: {"seed": key.seed}
    options["commands"] = lambda key: bundle_run(grid(), key, output=output, dataset_dir=output)
    taxonomy = load_taxonomy("configs/taxonomy.json", BUNDLE)
    Runner(keys, taxonomy=taxonomy, **{**options, **changes}).run()
    return results, console.file.getvalue()  # type: ignore[attr-defined]


def calls(output: Path, key: RunKey) -> list[str]:
    return (output / "runs" / key.name / "calls.txt").read_text().splitlines()


def test_every_run_is_trained_scored_and_stored(tmp_path: Path) -> None:
    keys = [key(draw=draw) for draw in range(3)]
    results, printed = run(tmp_path, keys)
    assert all(
        results.finished(each) and calls(tmp_path, each) == ["training test", "evaluating test"] for each in keys
    )
    row = ResultStore(tmp_path / "records").runs.iloc[0]
    assert (row.dice, row.iou, row.hd95_mm, row.cases) == (0.5, 0.25, 2.5, 2)
    assert row.seconds > 0
    first = results.cases[results.cases["draw"] == 0]
    leaves = set(first[["case", "node", "patient", "dice"]].itertuples(index=False, name=None))
    assert leaves == {(c, n, c[0], 0.5) for c in ("a1", "b1") for n in ("anterior", "posterior")}
    assert "ours, n = 1, draw 2, seed 0: Dice 0.500" in printed


def test_finished_runs_are_not_touched_again(tmp_path: Path) -> None:
    run(tmp_path, [key()])
    record = tmp_path / "records" / f"{key().name}_test.json"
    before = record.read_bytes()
    run(tmp_path, [key()])
    assert calls(tmp_path, key()) == ["training test", "evaluating test"]
    assert record.read_bytes() == before


def test_another_part_is_scored_with_the_same_weights(tmp_path: Path) -> None:
    run(tmp_path, [key(split="validation")])
    results, _ = run(tmp_path, [key()])
    assert calls(tmp_path, key()) == ["training validation", "evaluating validation", "evaluating test"]
    assert set(results.cases[["split", "case"]].itertuples(index=False, name=None)) == {
        ("validation", "c1"),
        ("test", "a1"),
        ("test", "b1"),
    }
    assert (tmp_path / "runs" / key().name / "eval.1").is_dir()


def test_a_failed_and_a_killed_run_are_reported_and_the_others_go_on(tmp_path: Path, quick: Any) -> None:
    def fail(self: BundleRun, stage: str) -> list[str]:
        ends = {"_d0_": "print('error: label.nii.gz is torn'); raise SystemExit(3)", "_d1_": "os.kill(os.getpid(), 9)"}
        for name, end in ends.items():
            if name in Path(self.folder.root).name:
                return [sys.executable, "-S", "-c", f"import os; {end}"]
        return pretend(self, stage)

    quick(fail)
    keys = [key(draw=draw) for draw in range(4)]
    results, printed = run(tmp_path, keys)
    rows = results.runs.set_index("draw").sort_index()
    assert rows["status"].tolist() == ["failed", "failed", "finished", "finished"]
    assert rows["dice"].isna().tolist() == [True, True, False, False]
    assert rows["message"][0] == "exit code 3: error: label.nii.gz is torn"
    assert "exit code 3" in printed
    assert "killed by SIGKILL" in printed
    assert rows["message"][1] == "killed by SIGKILL"
    quick(pretend)
    results, _ = run(tmp_path, keys)
    assert set(results.runs["status"]) == {"finished"}


def test_no_more_processes_than_workers_run_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    fill = Runner._fill
    monkeypatch.setattr(Runner, "_fill", lambda self, *args: (fill(self, *args), seen.append(len(self.active)))[0])
    run(tmp_path, [key(draw=draw) for draw in range(4)], workers=3)
    assert max(seen) == 3


def test_nothing_outlives_the_runner_and_it_goes_on_afterwards(
    tmp_path: Path, quick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(lambda self, stage: [sys.executable, "-S", "-c", SLEEPER])
    runs: list[BundleRun] = []

    def commands(key: RunKey) -> BundleRun:
        runs.append(bundle_run(grid(), key, output=tmp_path, dataset_dir=tmp_path))
        return runs[-1]

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(module.time, "sleep", lambda _: signal.raise_signal(signal.SIGTERM))
        run(tmp_path, [key(), key(draw=1), key(draw=2)], commands=commands)
    assert len(runs) == 2
    assert all(each.process is not None and each.process.poll() is not None for each in runs)
    assert ResultStore(tmp_path / "records").runs.empty
    quick(pretend)
    assert len(run(tmp_path, [key(), key(draw=1), key(draw=2)])[0].runs) == 3


def test_the_time_left_by_hand() -> None:
    assert seconds_left([], running=[5.0], waiting=3, workers=2) is None
    assert seconds_left([80.0, 120.0], running=[25.0, 300.0], waiting=3, workers=2) == (300 + 75) / 2
    assert [duration(seconds) for seconds in (29, 200, 7500)] == ["0 min", "3 min", "2 h 05 min"]


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

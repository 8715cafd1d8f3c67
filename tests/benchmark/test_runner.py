from __future__ import annotations

import io
import signal
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from grids import grid, key
from planted_grid import DIES, FAILS, PlantedWork, pretend
from rich.console import Console

from cladeseg.benchmark import run_work
from cladeseg.benchmark.results_page import write_results
from cladeseg.benchmark.run_work import RunWork
from cladeseg.benchmark.runner import run_grid
from cladeseg.benchmark.runs import RunKey
from cladeseg.benchmark.store import ResultStore
from cladeseg.bundle.bundle_run import BundleRun
from cladeseg.files import read_json, write_json
from cladeseg.tasks import IN_PROCESS, End, Machines

SLEEPER = "import time; time.sleep(100)"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[BundleRun, str], list[str]]], None]:
    """Make trainings pretend and polling fast."""

    def replace(command: Callable[[BundleRun, str], list[str]]) -> None:
        monkeypatch.setattr(BundleRun, "command", command)

    monkeypatch.setattr(run_work, "_PAUSE_S", 0.02)
    replace(pretend)
    return replace


def run(output: Path, keys: list[RunKey], ends: list[End] | None = None) -> tuple[ResultStore, str]:
    """The results, and what is printed."""
    console = Console(file=io.StringIO(), width=160)
    work = RunWork(grid(), output, output, output / "records")
    found = run_grid(work, keys, console=console)
    if ends is not None:
        ends += found
    return ResultStore(output / "records"), console.file.getvalue()  # type: ignore[attr-defined]


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
        planted = {
            "_d0_": "print('error: label.nii.gz is torn'); raise SystemExit(3)",
            "_d1_": "os.kill(os.getpid(), 9)",
        }
        for name, end in planted.items():
            if name in Path(self.folder.root).name:
                return [sys.executable, "-S", "-c", f"import os; {end}"]
        return pretend(self, stage)

    quick(fail)
    keys, ends = [key(draw=draw) for draw in range(4)], list[End]()
    results, printed = run(tmp_path, keys, ends)
    rows = results.runs.set_index("draw").sort_index()
    assert rows["status"].tolist() == ["failed", "failed", "finished", "finished"]
    assert rows["dice"].isna().tolist() == [True, True, False, False]
    assert rows["message"][0] == "exit code 3: error: label.nii.gz is torn"
    assert "exit code 3" in printed
    assert "killed by SIGKILL" in printed
    assert rows["message"][1] == "killed by SIGKILL"
    assert [end.task.name for end in ends if end.message is not None] == [each.name for each in keys[:2]]
    log = (tmp_path / "runs" / keys[0].name / "train.log").read_text()
    assert log.count("label.nii.gz is torn") == 3
    quick(pretend)
    results, _ = run(tmp_path, keys)
    assert set(results.runs["status"]) == {"finished"}


def test_nothing_outlives_the_runner_and_it_goes_on_afterwards(
    tmp_path: Path, quick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(lambda self, stage: [sys.executable, "-S", "-c", SLEEPER])
    started: list[BundleRun] = []
    start = BundleRun.start
    monkeypatch.setattr(BundleRun, "start", lambda self, stage: (start(self, stage), started.append(self))[0])
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(run_work.time, "sleep", lambda _: signal.raise_signal(signal.SIGTERM))
        run(tmp_path, [key(), key(draw=1)])
    assert len(started) == 1
    assert all(each.process is not None and each.process.poll() is not None for each in started)
    assert ResultStore(tmp_path / "records").runs.empty
    quick(pretend)
    assert len(run(tmp_path, [key(), key(draw=1)])[0].runs) == 2


def test_a_file_that_another_process_is_writing_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / ".7@other.ours_n1_d1_s0_test.json").write_text("{")
    assert len(run(tmp_path, [key()])[0].runs) == 1


def without_use(record: Path) -> dict[str, Any]:
    """A result but for seconds and memory, which differ from time to time."""
    content = read_json(record)
    return {
        **content,
        "run": {name: value for name, value in content["run"].items() if name not in ("seconds", "peak_mb")},
    }


@pytest.mark.skipif(find_spec("distributed") is None, reason="needs the extra cladeseg[cluster]")
def test_workers_leave_the_results_of_one_process(tmp_path: Path) -> None:
    """One run fails and one kills its worker: the others, and the second after all, are as without workers."""
    keys = [key(draw=draw) for draw in range(4)]
    ends = {}
    for name, machines in (("one", IN_PROCESS), ("two", Machines(workers=2))):
        output = tmp_path / name
        output.mkdir()
        if machines is IN_PROCESS:
            (output / f"died_{keys[DIES].name}").touch()  # nobody kills the only process
        work = PlantedWork(grid(), output, tmp_path, output / "records")
        found = run_grid(work, keys, machines=machines, console=Console(file=io.StringIO()))
        ends[name] = {end.task.name: end.message for end in found}
    assert ends["one"] == ends["two"]
    assert ends["two"] == {each.name: None for each in keys} | {keys[FAILS].name: "planted: it never works"}
    assert (tmp_path / "two" / f"died_{keys[DIES].name}").exists()
    records = [{file.name: without_use(file) for file in (tmp_path / name / "records").iterdir()} for name in ends]
    assert records[0] == records[1]
    assert len(records[0]) == 4
    pages = []
    for name in ends:
        for file in (tmp_path / name / "records").iterdir():
            content = read_json(file)
            write_json({**content, "run": {**content["run"], "seconds": 1.0, "peak_mb": 1.0}}, file)
        page = write_results(grid(), ResultStore(tmp_path / name / "records"), tmp_path / name / "page", command="c")
        pages.append({file.name: file.read_bytes() for file in page.parent.iterdir()})
    assert pages[0] == pages[1]

"""The whole command: once with the bundle's real commands, as small as can be."""

from __future__ import annotations

import io
import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fire
import monai.bundle
import pytest
from fake_nnunet import fake_environment
from grids import REPOSITORY, write_grid
from rich.console import Console

from cladeseg.benchmark import benchmark as module
from cladeseg.benchmark import run_benchmark, run_work
from cladeseg.benchmark.store import ResultStore
from cladeseg.bundle import shipped
from cladeseg.bundle.bundle_run import BundleRun
from cladeseg.files import DataError
from cladeseg.tasks import Machines

TINY = {
    "epochs": 1,
    "settings#optimizer#steps_per_epoch": 2,
    "settings#network#filters": 2,
    "settings#data#patch_size": [16, 16, 16],
    "settings#mix#start": 0,
}


class Ended:
    """A command that has run."""

    pid = stdin = None

    def poll(self) -> int:
        return 0


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=140)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of bundle and configs."""
    shutil.copytree(REPOSITORY / "configs", tmp_path / "configs")
    bundle = REPOSITORY / "bundles" / "hippocampus_subclass_segmentation"
    shutil.copytree(bundle, tmp_path / "bundles" / bundle.name, ignore=shutil.ignore_patterns("*.pt", "*.safetensors"))
    return tmp_path


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run the commands here, because each of eight processes would spend ten seconds on imports."""
    started: list[str] = []

    def start(self: BundleRun, stage: str) -> None:
        started.append(f"{stage} {Path(self.folder.root).name}")
        monkeypatch.chdir(self.bundle)
        fire.Fire(monai.bundle.run, command=self.command(stage)[4:])
        monkeypatch.setattr(self, "process", Ended())

    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # the bundle replaces it
    monkeypatch.setattr(BundleRun, "start", start)
    monkeypatch.setattr(run_work, "_PAUSE_S", 0.0)
    return started


def smaller(repository: Path) -> Path:
    path = repository / "configs" / "benchmarks" / "smoke.json"
    content = json.loads(path.read_text())
    content["phantoms"] = {"cases": 8, "shape": [20, 24, 18], "affines": "ras", "seed": 0}
    content["overrides"] |= TINY
    path.write_text(json.dumps(content))
    return path


def test_the_smoke_grid_trains_scores_and_writes_its_page(
    repository: Path, in_process: list[str], console: Console
) -> None:
    output = repository / "out"
    page = run_benchmark(smaller(repository), output=output, console=console)
    names = [f"{method}_n1_d{draw}_s{draw}" for draw in (0, 1) for method in ("fine_only", "ours")]
    assert in_process == [f"{stage} {name}" for name in names for stage in ("training", "evaluating")]
    assert page == output / "results" / "smoke" / "README.md"
    assert "| ours | 1 | 2 of 2 |" in page.read_text(encoding="utf-8")
    lists = {name: json.loads((output / "runs" / name / "datalist.json").read_text()) for name in names}
    tests = {name: {case["case"] for case in datalist["test"]} for name, datalist in lists.items()}
    fine = {n: [c["case"] for c in each["training"] if c["supervision"] == "fine"] for n, each in lists.items()}
    for draw in "01":  # methods are paired by the split, which is the draw's own
        assert tests[f"ours_n1_d{draw}_s{draw}"] == tests[f"fine_only_n1_d{draw}_s{draw}"]
    assert fine["ours_n1_d0_s0"] == fine["fine_only_n1_d0_s0"]
    assert fine["ours_n1_d0_s0"] != fine["ours_n1_d1_s1"]
    assert set(ResultStore(output / "records").cases["case"]) == set().union(*tests.values())
    settings = [json.loads((output / "runs" / name / "run.json").read_text())["settings"] for name in names[:2]]
    assert [each["method"] for each in settings] == ["supervised", "hierarchical_mix"]
    assert [(each["batch"]["fine"], each["batch"]["coarse"]) for each in settings] == [(4, 0), (2, 2)]
    assert (ResultStore(output / "records").runs["fine_dice"] >= 0).all()
    in_process.clear()
    shutil.rmtree(output / "runs")  # as on another machine, where only the kept results are
    assert run_benchmark(smaller(repository), output=output, console=console) == page
    assert in_process == []


@pytest.mark.timeout(900)
@pytest.mark.skipif(find_spec("distributed") is None, reason="needs the extra cladeseg[cluster]")
def test_a_real_run_on_a_worker(repository: Path, console: Console) -> None:
    """Trained and scored by commands in processes of their own; what is missing later is done, and nothing else."""
    config, output = smaller(repository), repository / "out"
    content = json.loads(config.read_text())
    methods = [{"name": "ours", "label": "ours"}]
    config.write_text(json.dumps({**content, "methods": methods, "draws": [0], "lower": None}))
    page = run_benchmark(config, output=output, machines=Machines(workers=1), console=console)
    assert page is not None
    text = page.read_text(encoding="utf-8")
    assert "| ours | 1 | 1 of 1 |" in text
    runs = ResultStore(output / "records").runs
    assert (runs["peak_mb"] > 200).all()  # of the training's own process, not of a worker
    assert (runs["seconds"] > 1).all()
    kept = [file.stat().st_mtime_ns for file in (output / "records").iterdir()]
    assert run_benchmark(config, output=output, console=console) == page
    assert [file.stat().st_mtime_ns for file in (output / "records").iterdir()] == kept
    assert page.read_text(encoding="utf-8") == text


def test_a_dry_run_shows_the_plan_and_writes_nothing(repository: Path, console: Console) -> None:
    grid = repository / "configs" / "benchmarks" / "smoke.json"
    assert run_benchmark(grid, output=repository / "out", dry_run=True, console=console) is None
    assert not (repository / "out").exists()
    assert "smoke: 4 runs" in console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dataset_dir": "nowhere", "phantoms": None}, "nowhere: no such folder"),
        ({"phantoms": {"patients": 3}}, "phantoms: .*'patients'"),
    ],
)
def test_what_cannot_run_is_refused(tmp_path: Path, changes: dict[str, Any], says: str, console: Console) -> None:
    with pytest.raises(DataError, match=says):
        run_benchmark(write_grid(tmp_path, **changes), output=tmp_path / "out", console=console)


def test_a_run_that_fails_is_an_error_once_the_page_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, console: Console
) -> None:
    monkeypatch.setattr(BundleRun, "command", lambda self, stage: [sys.executable, "-S", "-c", "raise SystemExit(3)"])
    monkeypatch.setattr(run_work, "_PAUSE_S", 0.02)
    grid = write_grid(tmp_path, phantoms=None, dataset_dir=".")
    with pytest.raises(DataError, match=r"(?s)1 of 1 failed.*ours_n1_d0_s0: exit code 3"):
        run_benchmark(grid, output=tmp_path / "out", console=console)
    page = (tmp_path / "out" / "results" / "g" / "README.md").read_text(encoding="utf-8")
    assert "| ours | 1 | 0 of 1, 1 failed |" in page


@pytest.mark.parametrize(("split", "finished"), [("test", True), ("test", False), ("validation", True)])
def test_a_grid_on_test_cases_is_published_once_each_method_has_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, console: Console, split: str, finished: bool
) -> None:
    monkeypatch.setattr(module, "run_grid", lambda *_, **__: [])
    monkeypatch.setattr(ResultStore, "finished", lambda self, key: finished)
    grid = write_grid(tmp_path, results="docs", split=split, phantoms=None, dataset_dir=".")
    run_benchmark(grid, output=tmp_path / "out", console=console)
    assert (tmp_path / "docs" / "README.md").is_file() is (finished and split == "test")
    assert (tmp_path / "out" / "results" / "g" / "README.md").is_file()


def test_nothing_is_published_into_the_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, console: Console
) -> None:
    monkeypatch.setattr(module, "run_grid", lambda *_, **__: [])
    monkeypatch.setattr(ResultStore, "finished", lambda self, key: True)
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "package")
    grid = write_grid(tmp_path, results="package/docs", phantoms=None, dataset_dir=".")
    page = run_benchmark(grid, output=tmp_path / "out", console=console)
    assert page == tmp_path / "out" / "results" / "g" / "README.md"
    assert not (tmp_path / "package").exists()


def nnunet_grid(folder: Path) -> Path:
    """One run of nnU-Net, on phantoms."""
    method = {"name": "nnunet", "label": "nnU-Net", "nnunet": {"epochs": 5}}
    phantoms = {"cases": 8, "shape": [20, 24, 18], "affines": "ras", "seed": 0}
    return write_grid(folder, layout="msd", phantoms=phantoms, methods=[method])


def test_nnunet_is_a_row_like_any_other(tmp_path: Path, console: Console) -> None:
    output = tmp_path / "out"
    environment = fake_environment(tmp_path / "env", truth=output / "phantoms" / "labelsTr")
    page = run_benchmark(nnunet_grid(tmp_path), output=output, nnunet=environment, console=console)
    store = ResultStore(output / "records")
    (run,) = store.runs.itertuples()
    assert (run.status, run.dice, run.fine_dice) == ("finished", 1.0, 1.0)
    assert run.seconds > 0
    datalist = json.loads((output / "runs" / "nnunet_n1_d0_s0" / "datalist.json").read_text())
    assert set(store.cases["case"]) == {case["case"] for case in datalist["test"]}
    assert page is not None
    text = page.read_text(encoding="utf-8")
    assert "| nnU-Net | 1 | 1 of 1 |" in text
    assert '"nnunet": {"epochs": 5' in text
    # What is finished needs no nnU-Net any more.
    assert run_benchmark(nnunet_grid(tmp_path), output=output, console=console) == page


def test_without_nnunet_nothing_runs_and_nothing_is_written(tmp_path: Path, console: Console) -> None:
    with pytest.raises(DataError, match="needs nnU-Net v2"):
        run_benchmark(nnunet_grid(tmp_path), output=tmp_path / "out", console=console)
    with pytest.raises(DataError, match="is no environment with nnU-Net v2"):
        run_benchmark(nnunet_grid(tmp_path), output=tmp_path / "out", nnunet=tmp_path, console=console)
    assert not (tmp_path / "out").exists()
    assert run_benchmark(nnunet_grid(tmp_path), output=tmp_path / "out", dry_run=True, console=console) is None

"""Commands that do a whole study: demo, benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_calls import REPOSITORY, call

import cladeseg.benchmark
import cladeseg.demo
from cladeseg.tasks import Machines


def test_demo_writes_to_the_current_folder_and_takes_a_bundle_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[cladeseg.demo.DemoPlan] = []
    monkeypatch.setattr(cladeseg.demo, "run_demo", plans.append)
    monkeypatch.chdir(tmp_path)
    assert call("demo", "--epochs", 2, "--seed", 7).exit_code == 0
    assert call("demo", "--bundle", "brats").exit_code == 0
    assert plans == [
        cladeseg.demo.DemoPlan(tmp_path / "demo", "acdc", 2, 7),
        cladeseg.demo.DemoPlan(tmp_path / "demo", "brats"),
    ]


def test_a_benchmarks_grid_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("benchmark", "labels", "benchmarks/smoke", "--output", "out", "--dry-run").exit_code == 0


def test_a_benchmark_can_be_looked_at_before_it_is_run(tmp_path: Path) -> None:
    grid = REPOSITORY / "configs" / "benchmarks" / "smoke.json"
    result = call("benchmark", "labels", grid, "--output", tmp_path / "out", "--dry-run")
    assert result.exit_code == 0
    assert not (tmp_path / "out").exists()


def test_a_grid_runs_where_the_other_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Machines] = []
    monkeypatch.setattr(cladeseg.benchmark, "run_benchmark", lambda *args, machines, **options: given.append(machines))
    monkeypatch.setattr("cladeseg.tasks.machines._EXTRA", ())
    words = ("benchmark", "labels", "benchmarks/smoke", "--output", tmp_path / "out")
    for more in ((), ("--workers", 2), ("--scheduler", "tcp://a:1"), ("--slurm", tmp_path / "s.json", "--workers", 3)):
        assert call(*words, *more).exit_code == 0
    slurm = tmp_path / "s.json"
    assert given == [
        Machines(),
        Machines(workers=2),
        Machines(scheduler="tcp://a:1"),
        Machines(workers=3, slurm=slurm),
    ]


def test_the_environment_of_nnunet_is_an_option_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []
    monkeypatch.setattr(cladeseg.benchmark, "run_benchmark", lambda *args, nnunet, **options: given.append(nnunet))
    monkeypatch.delenv("CLADESEG_NNUNET", raising=False)
    words = ("benchmark", "labels", "benchmarks/smoke", "--output", tmp_path / "out")
    assert call(*words).exit_code == 0
    assert call(*words, "--nnunet-env", tmp_path / "a").exit_code == 0
    monkeypatch.setenv("CLADESEG_NNUNET", str(tmp_path / "b"))
    assert call(*words).exit_code == 0
    assert given == [None, tmp_path / "a", tmp_path / "b"]

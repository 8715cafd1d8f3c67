"""The demo of pre-training, with commands that only pretend to train."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cladeseg import pretraining_demo as module
from cladeseg.bundle import shipped
from cladeseg.bundle.bundle_run import BundleRun
from cladeseg.files import read_json, write_json
from cladeseg.pretraining_demo import demo_run, run_pretraining_demo


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stages that were started; each leaves what its command would."""
    started: list[str] = []

    def start(run: Any, stage: str) -> None:
        started.append(stage)
        row = {"fine_cases": 1, "draw": 0, "scratch": 0.5, "pretrained": 0.75}
        evaluated = {"probe": {}, "fine_tuning": [row]}
        write_json(
            {} if stage == "training" else evaluated, run.folder.description if stage == "training" else run.scores
        )

    monkeypatch.setattr(BundleRun, "start", start)
    monkeypatch.setattr(module, "_CASES", 1)
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    return started


def test_it_pre_trains_evaluates_and_shows_scratch_beside(tmp_path: Path, stages: list[str]) -> None:
    shown = io.StringIO()
    page = run_pretraining_demo(tmp_path / "demo", console=Console(file=shown, width=120))
    assert stages == ["training", "evaluating"]
    assert "+0.250" in shown.getvalue()
    assert str(page) in shown.getvalue()


def test_finished_work_is_kept(tmp_path: Path, stages: list[str]) -> None:
    for _ in range(2):
        run_pretraining_demo(tmp_path / "demo", console=Console(file=io.StringIO()))
    assert stages == ["training", "evaluating"]


def test_both_commands_have_one_network_and_the_overlays_exist(tmp_path: Path) -> None:
    run = demo_run(tmp_path, tmp_path / "phantoms", epochs=3, seed=4)
    training, evaluating = run.command("training"), run.command("evaluating")
    assert training[training.index("--seed") + 1] == evaluating[evaluating.index("--seed") + 1] == "4"
    overlay = read_json(tmp_path / "overlay.json")
    config = read_json(shipped.find_bundle(module.BUNDLE) / "configs" / "train.json")
    assert {name.split("#")[1] for name in overlay if "#" in name} <= set(config["settings"])
    assert overlay["epochs"] == 3
    assert evaluating[evaluating.index("--fine_cases") + 1] == "[1]"
    assert "--fine_cases" not in training

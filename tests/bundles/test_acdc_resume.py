"""A stopped, killed or crashed training goes on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from bundle_runs import LEARNT, Place, Trained, differences, json_of, refusal, rows_of, state_of, train, weights_of

from cladeseg.bundle.weights_record import sha256_of
from cladeseg.segmentation.engines import TreeTrainer

#: Dropout draws from torch's global generator, which nothing else does; mixing starts in the middle.
COURSE: dict[str, Any] = {
    "epochs": 3,
    "settings#optimizer#warmup_steps": 2,
    "settings#mix#start": 1,
    "settings#mix#ramp": 3,
    "settings#optimizer#validation_interval": 2,
    "settings#network#dropout": 0.2,
}


@pytest.fixture(scope="module")
def uninterrupted(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    return train(place, tmp_path_factory.mktemp("resume") / "whole", **COURSE)


def assert_same_result(run: Path, other: Path) -> None:
    assert differences(weights_of(run), weights_of(other)) == []
    states = [state_of(one) for one in (run, other)]
    for state in states:
        state.pop("random", None)  # the process's own generators, which no result depends on
    assert differences(*states) == []
    assert (run / "history.csv").read_bytes() == (other / "history.csv").read_bytes()
    assert differences(*(torch.load(one / "models" / "best_validation.pt") for one in (run, other))) == []
    assert (
        json_of(run / "models" / "model.json")["validation"] == json_of(other / "models" / "model.json")["validation"]
    )


def test_the_state_holds_the_whole_training(uninterrupted: Path) -> None:
    state = state_of(uninterrupted)
    assert {"network", "teacher", "optimizer", "lr_scheduler", "epoch", "next_step", "seed"} <= state.keys()
    assert (state["epoch"], state["next_step"]) == (3, 6)
    assert state["optimizer"]["state"], "the optimiser's moments are part of a training"


@pytest.mark.parametrize("stop_after", [1, 2])
def test_a_stopped_training_resumes_bit_for_bit(
    place: Place, uninterrupted: Path, tmp_path: Path, stop_after: int
) -> None:
    torch.manual_seed(2)  # a new process has another global random state
    run = train(place, tmp_path / "R", stop_after=stop_after, **COURSE)
    assert [row["epoch"] for row in rows_of(run / "history.csv")] == [str(n + 1) for n in range(stop_after)]
    assert not (run / "models" / "model.pt").exists(), "unfinished weights would be taken for finished ones"
    torch.manual_seed(3)
    train(place, run, resume=True, **COURSE)
    assert_same_result(run, uninterrupted)


def test_a_method_with_a_second_network_resumes_bit_for_bit(place: Place, tmp_path: Path) -> None:
    """Its weights, and what the optimiser knows of them, are part of the training's state."""
    options = {
        **COURSE,
        "settings#method": "cps",
        "coarse_patients": 1,
        "settings#batch#fine": 1,
        "settings#batch#coarse": 1,
        "settings#batch#unlabelled": 1,
    }
    whole = train(place, tmp_path / "whole", **options)
    halves = train(place, tmp_path / "halves", **options, stop_after=1)
    assert state_of(halves)["step"]
    train(place, halves, **options, resume=True)
    assert differences(state_of(whole), state_of(halves)) == []


def test_a_training_killed_within_an_epoch_resumes_bit_for_bit(
    place: Place, uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    descend, steps = TreeTrainer._optimizer_step, []

    def fail_in_step_four(trainer: TreeTrainer) -> None:
        steps.append(trainer.state.iteration)
        if len(steps) == 4:
            raise KeyboardInterrupt
        descend(trainer)

    with monkeypatch.context() as patch:
        patch.setattr(TreeTrainer, "_optimizer_step", fail_in_step_four)
        with pytest.raises(BaseException):  # noqa: B017
            train(place, tmp_path / "R", **COURSE)
    assert state_of(tmp_path / "R")["epoch"] == 1
    train(place, tmp_path / "R", resume=True, **COURSE)
    assert_same_result(tmp_path / "R", uninterrupted)


def test_resuming_a_finished_training_adds_epochs_or_nothing(place: Place, tmp_path: Path) -> None:
    run = train(place, tmp_path / "R")
    before = weights_of(run), json_of(run / "models" / "model.json"), (run / "history.csv").read_bytes()
    train(place, run, resume=True)
    after = weights_of(run), json_of(run / "models" / "model.json"), (run / "history.csv").read_bytes()
    assert differences(before, after) == []
    train(place, run, resume=True, epochs=2)
    assert [row["epoch"] for row in rows_of(run / "history.csv")] == ["1", "2"]
    assert json_of(run / "models" / "model.json")["sha256"]["model.pt"] == sha256_of(run / "models" / "model.pt")
    assert differences(before[0], weights_of(run))


def test_resuming_nothing_starts_from_the_beginning(place: Place, uninterrupted: Path, tmp_path: Path) -> None:
    assert_same_result(train(place, tmp_path / "R", resume=True, **COURSE), uninterrupted)


def test_a_second_training_into_the_same_folder_is_refused(trained: Trained) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.run.rglob("*") if path.is_file()}
    message = refusal(trained, trained.run, **LEARNT)
    assert str(trained.run / "checkpoints" / "last.pt") in message
    assert "--resume" in message
    assert {path: path.stat().st_mtime_ns for path in trained.run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("key", "value", "file"),
    [
        ("settings#optimizer#learning_rate", 0.5, "run.json"),
        ("settings#network#head", "flat", "run.json"),
        ("settings#method", "supervised", "run.json"),
        ("seed", 7, "run.json"),
        ("fine_patients", 1, "run.json"),
    ],
)
def test_other_settings_are_refused_by_name(trained: Trained, key: str, value: Any, file: str) -> None:
    before = state_of(trained.run)
    message = refusal(trained, trained.run, resume=True, **{**LEARNT, key: value})
    assert str(trained.run / file) in message
    assert f"'{key.removeprefix('settings#').replace('#', '.')}'" in message
    assert differences(before, state_of(trained.run)) == []

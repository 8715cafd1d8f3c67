"""The record of a training: means per epoch, one row each, and a stop when the losses are no numbers."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cladeseg.files import DataError
from cladeseg.segmentation.engines import EpochLosses, HistoryFile, TensorBoardLog


def engine_of(losses: Callable[[int], dict[str, float]], *handlers: Any) -> Engine:
    """An engine whose step t has the given losses and whose learning rate is 1 / t."""

    def step(engine: Engine, _: Any) -> dict[str, torch.Tensor]:
        engine.optimizer.param_groups[0]["lr"] = 1 / engine.state.iteration
        return {name: torch.tensor(value) for name, value in losses(engine.state.iteration).items()}

    engine = Engine(step)
    engine.optimizer = SimpleNamespace(param_groups=[{"lr": 0.0}])
    for handler in handlers:
        handler.attach(engine)
    return engine


def run(engine: Engine, *, epochs: int, steps: int = 2, trained: int = 0) -> None:
    """Run to ``epochs``, as if ``trained`` epochs had been restored."""
    engine.state.max_epochs, engine.state.epoch_length = epochs, steps
    engine.state.epoch, engine.state.iteration = trained, trained * steps
    engine.run([0] * steps, max_epochs=epochs)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def evaluator_that_scored(epoch: int | None = None, **scores: float) -> Any:
    return SimpleNamespace(state=SimpleNamespace(validated_epoch=epoch, metrics=scores, overlay=None))


# ---- means and divergence --------------------------------------------------------------------------------------------


def test_a_loss_is_averaged_over_the_steps_that_have_it():
    def losses(step: int) -> dict[str, float]:
        return {"loss": float(step), **({"mix": 10.0 * step} if step % 2 == 0 else {})}

    engine = engine_of(losses, EpochLosses())
    run(engine, epochs=1, steps=4)
    assert engine.state.epoch_losses == {"loss": 2.5, "mix": 30.0}


def test_each_epoch_starts_anew():
    engine = engine_of(lambda step: {"loss": float(step)}, EpochLosses())
    run(engine, epochs=2, steps=2)
    assert engine.state.epoch_losses == {"loss": 3.5}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_no_number_stops_the_training_and_names_the_epoch(value):
    engine = engine_of(lambda step: {"loss": 1.0, "mix": value if step == 4 else 1.0}, EpochLosses())
    with pytest.raises(FloatingPointError, match=r"epoch 2: losses are not finite.*'mix'"):
        run(engine, epochs=3)
    assert engine.state.epoch == 2


# ---- the CSV ---------------------------------------------------------------------------------------------------------


def test_there_is_one_row_per_epoch(tmp_path):
    path = tmp_path / "new" / "history.csv"
    run(engine_of(lambda step: {"loss": float(step)}, EpochLosses(), HistoryFile(path)), epochs=3)
    assert rows_of(path) == [
        {"epoch": "1", "step": "2", "train_loss": "1.5", "learning_rate": "0.5"},
        {"epoch": "2", "step": "4", "train_loss": "3.5", "learning_rate": "0.25"},
        {"epoch": "3", "step": "6", "train_loss": "5.5", "learning_rate": "0.16666667"},
    ]


def test_rows_of_epochs_that_are_trained_again_are_dropped(tmp_path):
    path = tmp_path / "history.csv"
    run(engine_of(lambda step: {"loss": 1.0}, EpochLosses(), HistoryFile(path)), epochs=4)
    run(engine_of(lambda step: {"loss": 2.0}, EpochLosses(), HistoryFile(path)), epochs=5, trained=2)
    assert [(row["epoch"], row["train_loss"]) for row in rows_of(path)] == [
        *[("1", "1"), ("2", "1")],
        *[("3", "2"), ("4", "2"), ("5", "2")],
    ]


def test_a_training_from_the_beginning_starts_a_new_file(tmp_path):
    path = tmp_path / "history.csv"
    for epochs in (3, 1):
        run(engine_of(lambda step: {"loss": 1.0}, EpochLosses(), HistoryFile(path)), epochs=epochs)
    assert [row["epoch"] for row in rows_of(path)] == ["1"]


def test_scores_stand_in_the_epochs_that_were_validated_only(tmp_path):
    path = tmp_path / "history.csv"
    evaluator = evaluator_that_scored(2, mean_dice=0.5, dice_heart=0.75)
    run(engine_of(lambda step: {"loss": 1.0}, EpochLosses(), HistoryFile(path, evaluator=evaluator)), epochs=3)
    assert [row["validation_mean_dice"] for row in rows_of(path)] == ["", "0.5", ""]
    assert [row["validation_dice_heart"] for row in rows_of(path)] == ["", "0.75", ""]


def test_a_score_that_does_not_exist_is_an_empty_cell(tmp_path):
    path = tmp_path / "history.csv"
    evaluator = evaluator_that_scored(1, mean_dice=float("nan"))
    run(engine_of(lambda step: {"loss": 1.0}, EpochLosses(), HistoryFile(path, evaluator=evaluator)), epochs=1)
    assert "nan" not in path.read_text()


def test_columns_that_appear_late_do_not_lose_earlier_rows(tmp_path):
    path = tmp_path / "history.csv"
    late = engine_of(lambda step: {"loss": 1.0, **({"mix": 2.0} if step > 2 else {})}, EpochLosses(), HistoryFile(path))
    run(late, epochs=2)
    assert [row["train_mix"] for row in rows_of(path)] == ["", "2"]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"epoch,step\r\n",
        b"epoch,step\r\n1,2\r\n",
        b"epoch,step\r\n1,2\r\n2",
        b"epoch,step\r\n1,2\r\n3,6\r\n",
        b"epoch,step\r\n1,2\r\nx,4\r\n",
        b"epoch,step\r\n1,2,3\r\n2,4\r\n",
        b"step,loss\r\n1,2\r\n2,4\r\n",
        b"\xff\xfe\x00\x00",
        b'epoch,step\r\n1,"2\r\n',
    ],
    ids=["empty", "no rows", "too few", "torn", "gap", "no number", "too long", "no epochs", "binary", "open quote"],
)
def test_a_damaged_history_is_refused_by_name_and_kept(tmp_path, damage):
    path = tmp_path / "history.csv"
    path.write_bytes(damage)
    with pytest.raises(DataError, match=rf"^{path}: .*restore it, or delete it to go on without its rows$") as raised:
        run(engine_of(lambda step: {"loss": 1.0}, EpochLosses(), HistoryFile(path)), epochs=3, trained=2)
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == damage


def test_a_deleted_history_goes_on_without_its_rows(tmp_path):
    path = tmp_path / "history.csv"
    for epochs, trained in ((2, 1), (3, 2)):
        handlers = EpochLosses(), HistoryFile(path)
        run(engine_of(lambda step: {"loss": 1.0}, *handlers), epochs=epochs, trained=trained)
    assert [row["epoch"] for row in rows_of(path)] == ["2", "3"]


def test_a_failed_write_leaves_the_rows_before_it(tmp_path, monkeypatch):
    path = tmp_path / "history.csv"
    run(engine_of(lambda step: {"loss": 1.0}, EpochLosses(), HistoryFile(path)), epochs=2)
    before = path.read_text()

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(csv.DictWriter, "writerows", fail)
    with pytest.raises(DataError, match=rf"^{path}: cannot be written .*No space"):
        run(engine_of(lambda step: {"loss": 1.0}, EpochLosses(), HistoryFile(path)), epochs=3, trained=2)
    assert path.read_text() == before
    assert [file.name for file in tmp_path.iterdir()] == ["history.csv"]


# ---- TensorBoard -----------------------------------------------------------------------------------------------------


def events_in(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


def test_tensorboard_gets_losses_scores_and_the_picture_once(tmp_path):
    evaluator = evaluator_that_scored(2, mean_dice=0.5)
    evaluator.state.overlay = np.zeros((4, 6, 3), np.uint8)
    log = TensorBoardLog(tmp_path, evaluator=evaluator)
    run(engine_of(lambda step: {"loss": float(step)}, EpochLosses(), log), epochs=2)
    events = events_in(tmp_path)
    assert [(event.step, event.value) for event in events.Scalars("train_loss")] == [(1, 1.5), (2, 3.5)]
    assert [(event.step, event.value) for event in events.Scalars("learning_rate")] == [(1, 0.5), (2, 0.25)]
    assert [(event.step, event.value) for event in events.Scalars("validation_mean_dice")] == [(2, 0.5)]
    pictures = events.Images("validation")
    assert [(picture.step, picture.height, picture.width) for picture in pictures] == [(1, 4, 6)]


def test_a_resumed_training_purges_the_epochs_it_trains_again(tmp_path):
    for epochs, trained, loss in ((3, 0, 1.0), (3, 1, 2.0)):
        log = TensorBoardLog(tmp_path)
        run(engine_of(lambda step, loss=loss: {"loss": loss}, EpochLosses(), log), epochs=epochs, trained=trained)
    events = events_in(tmp_path).Scalars("train_loss")
    assert [(event.step, event.value) for event in events] == [(1, 1.0), (2, 2.0), (3, 2.0)]

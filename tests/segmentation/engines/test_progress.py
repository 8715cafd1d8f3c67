"""The progress bar: the whole training, from where it stands; never in the way of an error."""

from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine

from cladeseg.segmentation.engines import TrainingProgress


def engine_of(progress: TrainingProgress, *, fail_at: int | None = None) -> Engine:
    def step(engine: Engine, _: object) -> dict[str, torch.Tensor]:
        if engine.state.iteration == fail_at:
            raise ValueError("planted")
        return {"loss": torch.tensor(float(engine.state.iteration))}

    engine = Engine(step)
    progress.attach(engine)
    return engine


def test_it_counts_the_steps_of_all_epochs_and_shows_the_losses(capsys):
    engine_of(TrainingProgress(interval=2)).run([0] * 3, max_epochs=2)
    shown = capsys.readouterr().err.split("\r")[-1]
    assert "training: 100%" in shown
    assert "6/6" in shown
    assert "epoch=2, loss=6.000" in shown


def test_a_resumed_training_starts_where_it_stopped(capsys):
    engine = engine_of(TrainingProgress())
    engine.state.max_epochs, engine.state.epoch_length = 4, 3
    engine.state.epoch, engine.state.iteration = 2, 6
    engine.run([0] * 3, max_epochs=4)
    shown = capsys.readouterr().err
    assert "6/12" in shown.split("\r")[1]
    assert "12/12" in shown


def test_losses_are_read_from_the_device_each_interval_only():
    class Reading(torch.Tensor):
        times = 0

        def __float__(self) -> float:
            Reading.times += 1
            return 1.0

    engine = Engine(lambda engine, _: {"loss": torch.tensor(1.0).as_subclass(Reading)})
    TrainingProgress(interval=5).attach(engine)
    engine.run([0] * 10, max_epochs=1)
    assert Reading.times == 2


def test_an_error_passes_and_the_bar_is_closed(capsys):
    progress = TrainingProgress()
    with pytest.raises(ValueError, match="planted"):
        engine_of(progress, fail_at=2).run([0] * 3, max_epochs=1)
    assert capsys.readouterr().err.endswith("\n")

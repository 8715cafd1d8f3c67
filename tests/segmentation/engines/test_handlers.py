"""Small handlers of a training: when validation runs, what the bar shows, how a training starts and stops."""

from __future__ import annotations

import copy
import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events
from tiny_training import tiny_evaluator, tiny_net, tiny_trainer
from torch import nn

from cladeseg.segmentation.engines import NodeDice, StopAfter, SyncTeacherOnLoad, TrainingProgress, Validate
from cladeseg.segmentation.mixing import EmaTeacher
from cladeseg.taxonomy import Taxonomy

# ---- validation ------------------------------------------------------------------------------------------------------


class Scripted:
    """Stands in for a validation engine: gives one score after the other."""

    def __init__(self, *given: float) -> None:
        self.given = list(given)
        self.epochs: list[int] = []
        self.data_loader = [0]
        self.state: Any = type("State", (), {"metrics": {}, "best_metric": -1, "best_metric_epoch": -1})()

    def run(self, epoch: int) -> None:
        self.epochs.append(epoch)
        self.state.metrics = {NodeDice.KEY: self.given[len(self.epochs) - 1]}


def train(tree: Taxonomy, evaluator: Any, *, epochs: int, interval: int = 1) -> None:
    tiny_trainer(tree, epochs=epochs, steps=1, handlers=[Validate(evaluator, interval=interval)]).run()


@pytest.mark.parametrize(
    ("interval", "epochs", "validated"),
    [(1, 3, [1, 2, 3]), (2, 5, [2, 4, 5]), (2, 4, [2, 4]), (9, 3, [3]), (0, 3, [3])],
)
def test_it_runs_each_interval_and_after_the_last_epoch(acdc_tree, interval, epochs, validated):
    evaluator = Scripted(*[0.5] * 5)
    train(acdc_tree, evaluator, epochs=epochs, interval=interval)
    assert evaluator.epochs == validated
    assert evaluator.state.validated_epoch == epochs


def test_the_first_of_the_best_epochs_is_kept(acdc_tree):
    evaluator = Scripted(0.1, 0.7, 0.7, 0.3)
    train(acdc_tree, evaluator, epochs=4)
    assert (evaluator.state.best_metric, evaluator.state.best_metric_epoch) == (0.7, 2)


def test_a_missing_score_is_never_the_best(acdc_tree):
    evaluator = Scripted(float("nan"), 0.2, float("nan"))
    train(acdc_tree, evaluator, epochs=3)
    assert (evaluator.state.best_metric, evaluator.state.best_metric_epoch) == (0.2, 2)


def test_a_split_without_validation_cases_is_no_error(acdc_tree):
    evaluator = tiny_evaluator(acdc_tree, tiny_net(acdc_tree), cases=())
    train(acdc_tree, evaluator, epochs=2)
    assert evaluator.state.best_metric_epoch == -1


# ---- the progress bar ------------------------------------------------------------------------------------------------


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


# ---- a start from loaded weights: teacher and student start together, and the start is scored ------------------------


class Evaluator:
    """Scores the teacher by its bias."""

    def __init__(self, teacher: EmaTeacher, cases: int) -> None:
        self.teacher, self.data_loader, self.state = teacher, range(cases), SimpleNamespace(metrics={})

    def run(self) -> None:
        self.state.metrics[NodeDice.KEY] = float(self.teacher.network.bias)


def start(cases: int, *, iteration: int = 0, loaded: float = 0.75) -> tuple[SyncTeacherOnLoad, Any]:
    """Start a training whose loader sets the student's bias after the teacher was copied."""
    student = nn.Linear(1, 1)
    teacher = EmaTeacher(copy.deepcopy(student))
    engine = Engine(lambda engine, batch: None)
    engine.network, engine.teacher = student, teacher  # type: ignore[attr-defined]
    engine.add_event_handler(Events.STARTED, lambda: nn.init.constant_(student.bias, loaded))
    begin = SyncTeacherOnLoad(Evaluator(teacher, cases))
    begin.attach(engine)
    engine.state.iteration = iteration
    engine.fire_event(Events.STARTED)
    return begin, engine


def test_the_teacher_starts_from_the_loaded_weights() -> None:
    _, engine = start(cases=1)
    assert all(map(torch.equal, engine.teacher.network.parameters(), engine.network.parameters()))


def test_the_loaded_weights_are_scored_before_the_first_step() -> None:
    assert start(cases=1)[0].score == 0.75


@pytest.mark.parametrize(("cases", "loaded"), [(0, 0.75), (1, math.nan)])
def test_without_a_score_there_is_none(cases: int, loaded: float) -> None:
    assert start(cases, loaded=loaded)[0].score is None


def test_a_resumed_training_keeps_its_teacher() -> None:
    begin, engine = start(cases=1, iteration=5)
    assert float(engine.teacher.network.bias) != 0.75
    assert begin.score is None


# ---- a stop on purpose: after the epoch that was named, without changing the aim -------------------------------------


@pytest.mark.parametrize(("stop", "trained"), [(1, 1), (2, 2), (3, 3), (9, 3), (None, 3)])
def test_it_stops_after_the_epoch(acdc_tree, stop, trained):
    trainer = tiny_trainer(acdc_tree, epochs=3, steps=1, handlers=[StopAfter(stop)])
    trainer.run()
    assert (trainer.state.epoch, trainer.state.iteration) == (trained, trained)


def test_the_learning_rate_still_aims_at_the_last_epoch(acdc_tree):
    trainer = tiny_trainer(acdc_tree, epochs=4, steps=1, handlers=[StopAfter(2)])
    trainer.run()
    assert trainer.state.max_epochs == 4
    assert trainer.lr_scheduler.total_steps == 4
    assert trainer.optimizer.param_groups[0]["lr"] > 0


def test_handlers_of_the_end_still_run(acdc_tree):
    trainer = tiny_trainer(acdc_tree, epochs=3, steps=1, handlers=[StopAfter(1)])
    ended = []
    trainer.add_event_handler(Events.COMPLETED, lambda engine: ended.append(engine.state.epoch))
    trainer.run()
    assert ended == [1]

"""A training that starts from loaded weights: teacher and student start together, and the start is scored."""

from __future__ import annotations

import copy
import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events
from torch import nn

from cladeseg.segmentation.engines import NodeDice, SyncTeacherOnLoad
from cladeseg.segmentation.mixing import EmaTeacher


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

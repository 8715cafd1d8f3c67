"""Learning-rate courses: closed forms, and no memory but the step."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from cladeseg.segmentation.engines import StepSchedule


def optimizer(*rates: float) -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates])


def course(steps: int, rates: tuple[float, ...] = (1.0,), **options: Any) -> list[list[float]]:
    """Learning rate of each group at steps 0…``steps``, as the optimiser sees it."""
    chosen = optimizer(*rates)
    schedule = StepSchedule(chosen, **options)
    seen = []
    for _ in range(steps + 1):
        seen.append([group["lr"] for group in chosen.param_groups])
        chosen.step()
        schedule.step()
    return seen


@pytest.mark.parametrize(
    ("shape", "form"),
    [
        ("poly", lambda t: (1 - t) ** 0.9),
        ("cosine", lambda t: 0.5 * (1 + math.cos(math.pi * t))),
        ("constant", lambda t: 1.0),
    ],
)
def test_the_course_has_its_closed_form(shape, form):
    seen = course(10, rates=(0.5, 0.002), shape=shape, total_steps=10)
    for step, (first, second) in enumerate(seen):
        assert first == pytest.approx(0.5 * form(step / 10), abs=1e-12)
        assert second == pytest.approx(0.002 * form(step / 10), abs=1e-12)


@pytest.mark.parametrize("shape", ["poly", "cosine", "constant"])
def test_warm_up_rises_in_equal_steps_to_the_peak_and_never_starts_at_zero(shape):
    seen = [rate for (rate,) in course(4, shape=shape, total_steps=20, warmup_steps=4)]
    assert seen == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])


def test_the_course_after_the_warm_up_takes_the_remaining_steps():
    seen = [rate for (rate,) in course(20, total_steps=20, warmup_steps=4)]
    assert seen[12] == pytest.approx(0.5**0.9)
    assert seen[20] == 0


@pytest.mark.parametrize("shape", ["poly", "cosine"])
def test_it_ends_at_zero_and_stays_there(shape):
    seen = course(9, shape=shape, total_steps=5)
    assert [rate for (rate,) in seen[5:]] == pytest.approx([0] * 5, abs=1e-15)
    assert all(rate > 0 for (rate,) in seen[:5])


def test_an_unknown_length_stays_at_the_peak_until_somebody_sets_it():
    schedule = StepSchedule(optimizer(1.0))
    assert schedule.factor(1000) == 1
    schedule.total_steps = 2000
    assert schedule.factor(1000) == pytest.approx(0.5**0.9)


def test_a_warm_up_longer_than_the_training_is_no_division_by_zero():
    assert StepSchedule(optimizer(1.0), total_steps=3, warmup_steps=3).factor(3) == 1
    assert StepSchedule(optimizer(1.0), total_steps=3, warmup_steps=9).factor(2) == pytest.approx(1 / 3)


def test_its_state_is_the_step_alone():
    schedule = StepSchedule(optimizer(1.0), total_steps=10, shape="cosine", warmup_steps=2)
    for _ in range(3):
        schedule.optimizer.step()
        schedule.step()
    assert schedule.state_dict() == {"last_epoch": 3}


def test_a_restored_step_continues_the_course_of_the_config():
    whole = [rate for (rate,) in course(9, total_steps=10, warmup_steps=2)]
    resumed = StepSchedule(optimizer(1.0), total_steps=10, warmup_steps=2)
    resumed.load_state_dict({"last_epoch": 6})
    rates = []
    for _ in range(3):
        resumed.optimizer.step()
        resumed.step()
        rates.append(resumed.optimizer.param_groups[0]["lr"])
    assert rates == whole[7:]


def test_an_unknown_shape_is_named():
    with pytest.raises(ValueError, match=r"'linear'.*poly, cosine, constant"):
        StepSchedule(optimizer(1.0), shape="linear")

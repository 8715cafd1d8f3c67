"""Goals are judged by the figures of a record, and those of an incomplete study are open."""

from __future__ import annotations

from typing import Any

import pytest
from planted_records import GROWTH, INFERENCE, KILLS, STEP, grown, profile, ratio_row

from cladeseg.benchmark.speed.goals import goals_of


def met(part: str, result: Any) -> list[bool]:
    return [goal.met for goal in goals_of(part, result)]


@pytest.mark.parametrize(("ratio", "enough"), [(1.35, True), (1.36, False)])
def test_a_mixed_step_is_beside_the_supervised_one(ratio: float, enough: bool) -> None:
    methods = {**STEP["methods"], "mixed in place": ratio_row(1, ratio)}  # type: ignore[dict-item]
    assert met("step", {**STEP, "methods": methods}) == [enough]


@pytest.mark.parametrize(("share", "enough"), [(0.05, True), (0.051, False)])
def test_the_share_that_waits(share: float, enough: bool) -> None:
    assert met("loader", {"wait_share": share, "workers": 1}) == [enough]


def test_profiles_are_judged_by_time_dice_and_memory() -> None:
    found = {goal.aim: goal.met for goal in goals_of("inference", INFERENCE)}
    assert found == {
        "fast: at most a third of MONAI's time": True,
        "fast: Dice within 0.002 of MONAI's": False,
        "fast: no more memory than MONAI's window": True,
        "fast: all but the network takes at most 30%": True,
        "best: all but the network takes at most 30%": False,
    }
    methods = {"monai": profile(1, 0.9, 200), "balanced": profile(0.34, 0.901, 201)}
    assert met("inference", {"methods": methods}) == [False, True, False, True]


def test_scoring_is_beside_monais_metrics() -> None:
    rows = {"cladeseg": ratio_row(1, 0.3), "MONAI": ratio_row(3, 1)}
    assert met("evaluation", {"rows": rows, "differences": {"dice": 0.0, "nsd": 2e-6}}) == [True, False]


def test_a_lost_case_and_too_few_rounds_count() -> None:
    assert met("kills", KILLS) == [True, True, True]
    lost = {"killed_after": 9, "seconds": 30.0, "lost": 1, "twice": 0, "equal": False}
    assert met("kills", {**KILLS, "rounds": [lost]}) == [False, False, False]


def test_growth_is_linear_if_a_further_case_costs_no_more() -> None:
    assert met("growth", GROWTH) == [True, True]
    assert met("growth", {"predict": grown(1.5, 15, 150, 3000)}) == [True, False]
    more = {"predict": {**GROWTH["predict"], "10000": {"cpu_seconds": 1500, "peak_mb": 560}}}
    assert met("growth", more) == [False, True]


def test_growth_without_the_largest_cohort_is_not_met() -> None:
    assert met("growth", {"predict": grown(1.5, 15, 150)}) == [False, False]
    assert met("growth", {"predict": grown(1.5, 15)}) == []


def test_losses_have_no_goal() -> None:
    assert goals_of("contrast", {}) == []

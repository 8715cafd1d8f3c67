from __future__ import annotations

import math

import numpy as np
import pytest

from cladeseg.statistics.differences import (
    draws_won,
    gap_closed,
    mean_score,
    paired_difference,
    relative_score,
    worst_relative_draw,
)
from cladeseg.statistics.paired import MethodScores, draw_means


def cell(values: dict[tuple[int, int, str], float], every_draw: bool = False) -> MethodScores:
    """The patient is the first letter of a case."""
    return MethodScores(values, {case: case[0] for *_, case in values}, every_draw)


def test_the_difference_of_pairs_by_hand() -> None:
    one = cell({(0, 0, "a1"): 0.75, (1, 0, "a1"): 0.5, (0, 0, "b1"): 1.0, (2, 0, "b1"): 0.0})
    other = cell({(0, 0, "a1"): 0.5, (1, 0, "a1"): 0.5, (0, 0, "b1"): 0.5, (3, 0, "b1"): 1.0})
    found = paired_difference(one, other)
    assert found["mean"] == pytest.approx((0.25 + 0.0 + 0.5) / 3)
    assert found["n"] == 3


def test_a_constant_gain_has_no_spread_however_hard_the_cases_differ() -> None:
    scores = {(d, 0, f"{p}1"): i / 7 + d / 3 for i, p in enumerate("abcd") for d in (0, 1)}
    found = paired_difference(cell({k: v + 0.125 for k, v in scores.items()}), cell(scores))
    assert found["ci95"] == pytest.approx([0.125, 0.125])


def test_full_supervision_stands_beside_every_draw() -> None:
    ours = cell({(0, 0, "a1"): 0.5, (1, 0, "a1"): 0.25, (1, 1, "a1"): 0.0})
    full = cell({(0, 0, "a1"): 0.75}, every_draw=True)
    found = paired_difference(ours, full)
    assert (found["mean"], found["n"]) == (pytest.approx(-0.375), 2)
    assert paired_difference(ours, cell(full.scores))["n"] == 1


def test_a_selection_is_compared_with_the_mean_over_draws_of_each_case() -> None:
    selected = cell({(0, 0, "a1"): 0.75, (0, 0, "b1"): 0.5}, every_draw=True)
    drawn = cell({(0, 0, "a1"): 0.5, (1, 0, "a1"): 1.0, (2, 0, "a1"): 0.25, (0, 0, "b1"): 0.25})
    by_case = {"a1": 0.75 - (0.5 + 1.0 + 0.25) / 3, "b1": 0.5 - 0.25}
    found = paired_difference(selected, drawn)
    assert found["mean"] == pytest.approx((3 * by_case["a1"] + by_case["b1"]) / 4)
    assert found["mean"] == pytest.approx(-(paired_difference(drawn, selected)["mean"] or 0))
    assert found["n"] == 4


def test_draws_that_were_won_by_hand() -> None:
    one = cell({(0, 0, "a1"): 0.75, (0, 0, "b1"): 0.25, (1, 0, "a1"): 0.5, (2, 0, "a1"): 0.5})
    zero = cell({(0, 0, "a1"): 0.25, (0, 0, "b1"): 0.5, (1, 0, "a1"): 0.5, (3, 0, "a1"): 0.0})
    assert draws_won(one, zero) == (1, 2)


def test_a_planted_effect_of_the_draw_widens_the_interval() -> None:
    """Patients alone would say that nothing varies."""
    scores = {(d, 0, f"{p}1"): 0.5 + (0.25 if d else -0.25) for d in (0, 1) for p in "abcdef"}
    found = mean_score(cell(scores))
    assert found["mean"] == 0.5
    assert found["ci95"] == pytest.approx([0.25, 0.75])  # one draw twice: a quarter of the resamples each
    assert mean_score(cell(dict.fromkeys(scores, 0.5)))["ci95"] == [0.5, 0.5]


def test_intervals_resample_patients_not_cases() -> None:
    """Many cases and draws of two patients tell no more than two patients do."""
    values = {(d, 0, f"{p}{i}"): float(p == "a") for p in "ab" for i in range(20) for d in range(5)}
    zero = cell(dict.fromkeys(values, 0.0))
    assert paired_difference(cell(values), zero)["ci95"] == [0.0, 1.0]
    each_its_own = MethodScores(values, {case: case for *_, case in values})
    low, high = paired_difference(each_its_own, zero)["ci95"]
    assert 0.3 < low < high < 0.7


def test_the_interval_is_that_of_the_normal_law_and_depends_on_the_seed_alone() -> None:
    rng = np.random.default_rng(0)
    gains = rng.normal(0.1, 0.2, 200)
    patients = {f"p{i}": f"p{i}" for i in range(200)}
    ours = MethodScores({(0, 0, name): gain for name, gain in zip(patients, gains, strict=True)}, patients)
    zero = MethodScores({(0, 0, name): 0.0 for name in patients}, patients)
    found = paired_difference(ours, zero, seed=1, resamples=4000)
    half = 1.96 * gains.std() / math.sqrt(200)
    assert found["ci95"] == pytest.approx([gains.mean() - half, gains.mean() + half], abs=0.003)
    assert found == paired_difference(ours, zero, seed=1, resamples=4000)
    assert found["ci95"] != paired_difference(ours, zero, seed=2, resamples=4000)["ci95"]


def test_means_of_draws() -> None:
    found = draw_means({(0, 0, "a1"): 0.5, (0, 0, "b1"): 1.0, (1, 0, "a1"): 0.25})
    assert found == {(0, 0): 0.75, (1, 0): 0.25}
    assert mean_score(cell({(0, 0, "a1"): 0.5, (1, 0, "b1"): 1.0}))["mean"] == 0.75


def test_the_share_of_the_gap_by_hand() -> None:
    lower = cell({(0, 0, "a1"): 0.5, (0, 0, "b1"): 0.25})
    upper = cell({(5, 0, "a1"): 0.75, (5, 0, "b1"): 1.0}, every_draw=True)
    ours = cell({(0, 0, "a1"): 0.75, (0, 0, "b1"): 0.75})
    found = gap_closed(ours, lower, upper)
    assert found["mean"] == pytest.approx((0.25 + 0.5) / (0.25 + 0.75))
    assert found["ci95"] == pytest.approx([0.5 / 0.75, 1.0])  # twice patient b, twice patient a
    assert found["n"] == 2
    assert gap_closed(upper, lower, upper)["ci95"] == pytest.approx([1.0, 1.0])
    assert gap_closed(cell({(7, 0, "a1"): 0.5}), lower, upper)["mean"] is None  # no draw in common


def test_who_is_as_good_as_either_end_closes_nothing_or_all() -> None:
    lower = cell({(0, 0, f"{p}1"): 0.1 * i for i, p in enumerate("abcde")})
    upper = cell({(0, 0, f"{p}1"): 0.1 * i + 0.3 for i, p in enumerate("abcde")}, every_draw=True)
    assert gap_closed(lower, lower, upper)["mean"] == pytest.approx(0.0)
    same = cell(upper.scores)
    assert gap_closed(same, lower, upper)["ci95"] == pytest.approx([1.0, 1.0])


def test_where_there_is_no_gap_there_is_no_share_of_it() -> None:
    lower = cell({(0, 0, "a1"): 0.5, (0, 0, "b1"): 0.5})
    assert gap_closed(lower, lower, lower) == {"mean": None, "ci95": [None, None], "n": 0}
    uncertain = cell({(0, 0, "a1"): 0.25, (0, 0, "b1"): 1.0})  # without patient b it lies below
    found = gap_closed(uncertain, lower, uncertain)
    assert found["mean"] == 1.0
    assert found["ci95"] == [None, None]


def test_the_share_of_the_converged_score_by_hand() -> None:
    full = cell({(0, 0, "a1"): 0.75, (0, 0, "b1"): 1.0}, every_draw=True)
    ours = cell({(0, 0, "a1"): 0.75, (0, 0, "b1"): 0.5, (1, 0, "a1"): 0.75, (1, 0, "b1"): 1.0})
    found = relative_score(ours, full)
    assert found["mean"] == pytest.approx(3.0 / 3.5)
    assert found["ci95"][1] == pytest.approx(1.0)
    assert worst_relative_draw(ours, full) == pytest.approx(1.25 / 1.75)
    assert worst_relative_draw(cell({}), full) is None

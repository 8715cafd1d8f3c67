from __future__ import annotations

import math

import numpy as np
import pytest

from cladeseg.statistics import (
    draw_means,
    draws_won,
    gap_closed,
    mean_score,
    paired_difference,
    relative_score,
    worst_relative_draw,
)

#: Two cases of one draw, of a patient each.
TWO = {"draws": [0, 0], "patients": ["a", "b"]}


def test_the_difference_of_pairs_by_hand() -> None:
    found = paired_difference([0.75, 0.5, 1.0], [0.5, 0.5, 0.5], draws=[0, 1, 0], patients=["a", "a", "b"])
    assert found["mean"] == pytest.approx((0.25 + 0.0 + 0.5) / 3)
    assert found["n"] == 3


def test_a_constant_gain_has_no_spread_however_hard_the_cases_differ() -> None:
    scores = np.array([i / 7 + d / 3 for i in range(4) for d in (0, 1)])
    found = paired_difference(scores + 0.125, scores, draws=[0, 1] * 4, patients=list("aabbccdd"))
    assert found["ci95"] == pytest.approx([0.125, 0.125])


def test_draws_that_were_won_by_hand() -> None:
    assert draws_won([0.75, 0.25, 0.5], [0.25, 0.5, 0.5], draws=[0, 0, 1]) == (1, 2)
    assert draws_won([], [], draws=[]) == (0, 0)


def test_a_planted_effect_of_the_draw_widens_the_interval() -> None:
    """Patients alone would say that nothing varies."""
    factors = {"draws": [0] * 6 + [1] * 6, "patients": list("abcdef") * 2}
    found = mean_score([0.25] * 6 + [0.75] * 6, **factors)
    assert found["mean"] == 0.5
    assert found["ci95"] == pytest.approx([0.25, 0.75])  # one draw twice: a quarter of the resamples each
    assert mean_score([0.5] * 12, **factors)["ci95"] == [0.5, 0.5]


def test_intervals_resample_patients_not_cases() -> None:
    """Many cases and draws of two patients say no more than two patients do."""
    patients, draws = ["a"] * 100 + ["b"] * 100, list(range(5)) * 40
    values = [1.0] * 100 + [0.0] * 100
    assert paired_difference(values, [0.0] * 200, draws=draws, patients=patients)["ci95"] == [0.0, 1.0]
    each_its_own = [f"{patient}{i // 5}" for i, patient in enumerate(patients)]
    low, high = paired_difference(values, [0.0] * 200, draws=draws, patients=each_its_own)["ci95"]
    assert 0.3 < low < high < 0.7


def test_the_interval_is_that_of_the_normal_law_and_the_same_each_time() -> None:
    gains = np.random.default_rng(0).normal(0.1, 0.2, 200)
    factors = {"draws": np.zeros(200), "patients": np.array([f"p{i}" for i in range(200)])}
    found = paired_difference(gains, np.zeros(200), **factors)
    half = 1.96 * gains.std() / math.sqrt(200)
    assert found["ci95"] == pytest.approx([gains.mean() - half, gains.mean() + half], abs=0.003)
    assert found == paired_difference(gains, np.zeros(200), **factors)


def test_means_of_draws_come_in_the_order_of_the_draws() -> None:
    assert draw_means([0.25, 0.5, 1.0], draws=[1, 0, 0]).tolist() == [0.75, 0.25]


def test_the_share_of_the_gap_by_hand() -> None:
    found = gap_closed([0.75, 0.75], [0.5, 0.25], [0.75, 1.0], **TWO)
    assert found["mean"] == pytest.approx((0.25 + 0.5) / (0.25 + 0.75))
    assert found["ci95"] == pytest.approx([0.5 / 0.75, 1.0])  # twice patient b, twice patient a
    assert found["n"] == 2


def test_who_is_as_good_as_either_end_closes_nothing_or_all() -> None:
    lower = 0.1 * np.arange(5)
    upper, factors = lower + 0.3, {"draws": [0] * 5, "patients": list("abcde")}
    assert gap_closed(lower, lower, upper, **factors)["mean"] == pytest.approx(0.0)
    assert gap_closed(upper, lower, upper, **factors)["ci95"] == pytest.approx([1.0, 1.0])


def test_where_there_is_no_gap_there_is_no_share_of_it() -> None:
    lower = [0.5, 0.5]
    assert gap_closed(lower, lower, lower, **TWO) == {"mean": None, "ci95": [None, None], "n": 0}
    uncertain = [0.25, 1.0]  # without patient b it lies below
    found = gap_closed(uncertain, lower, uncertain, **TWO)
    assert (found["mean"], found["ci95"]) == (1.0, [None, None])


def test_the_share_of_the_converged_score_by_hand() -> None:
    ours, full = [0.75, 0.5, 0.75, 1.0], [0.75, 1.0, 0.75, 1.0]
    found = relative_score(ours, full, draws=[0, 0, 1, 1], patients=list("abab"))
    assert found["mean"] == pytest.approx(3.0 / 3.5)
    assert found["ci95"][1] == pytest.approx(1.0)
    assert worst_relative_draw(ours, full, draws=[0, 0, 1, 1]) == pytest.approx(1.25 / 1.75)
    assert worst_relative_draw([], [], draws=[]) is None

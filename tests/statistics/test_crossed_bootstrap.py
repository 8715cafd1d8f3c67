"""Draws and patients are resampled, each by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cladeseg.statistics.crossed_bootstrap import CrossedBootstrap
from cladeseg.statistics.paired import Scores

PATIENTS = {f"p{i}": f"p{i}" for i in range(100)}


def scores(draws: np.ndarray, patients: np.ndarray) -> Scores:
    return {(d, 0, f"p{i}"): float(a + b) for d, a in enumerate(draws) for i, b in enumerate(patients)}


def width(values: Scores, **options: int) -> float:
    low, high = CrossedBootstrap(values, PATIENTS, **options).mean(values)["ci95"]
    return (high or math.nan) - (low or math.nan)


def test_variances_of_draws_and_patients_add_up() -> None:
    rng = np.random.default_rng(0)
    draws, patients = rng.normal(0, 0.2, 40), rng.normal(0, 0.3, 100)
    zero = np.zeros(40), np.zeros(100)
    expected = 2 * 1.96 * math.sqrt(draws.var() / 40 + patients.var() / 100)
    assert width(scores(draws, patients), resamples=8000) == pytest.approx(expected, rel=0.05)
    assert width(scores(draws, zero[1]), resamples=8000) == pytest.approx(2 * 1.96 * draws.std() / 40**0.5, rel=0.05)
    assert width(scores(zero[0], patients), resamples=8000) == pytest.approx(2 * 1.96 * patients.std() / 10, rel=0.05)


def test_a_constant_has_no_interval_to_speak_of() -> None:
    assert width(scores(np.full(5, 0.25), np.zeros(100))) == 0.0


def test_the_same_draw_of_another_seed_is_another_draw() -> None:
    values: Scores = {(0, seed, f"p{i}"): float(seed) for seed in (0, 1) for i in range(100)}
    assert CrossedBootstrap(values, PATIENTS).mean(values)["ci95"] == [0.0, 1.0]


def test_a_taken_patient_brings_all_its_cases() -> None:
    values: Scores = {(0, 0, f"p{i}"): float(i < 50) for i in range(100)}
    two = {f"p{i}": "a" if i < 50 else "b" for i in range(100)}
    assert CrossedBootstrap(values, two).mean(values)["ci95"] == [0.0, 1.0]


def test_all_cases_of_a_patient_count() -> None:
    values: Scores = {(0, 0, "a1"): 0.0, (0, 0, "a2"): 1.0, (0, 0, "b1"): 1.0}
    owners = {"a1": "a", "a2": "a", "b1": "b"}
    assert CrossedBootstrap(values, owners).mean(values)["ci95"] == [0.5, 1.0]


def test_the_order_of_the_values_does_not_matter_and_the_seed_does() -> None:
    rng = np.random.default_rng(1)
    values = scores(rng.normal(size=4), rng.normal(size=100))
    backwards = dict(reversed(values.items()))
    found, again = (CrossedBootstrap(each, PATIENTS, seed=1).mean(each)["ci95"] for each in (values, backwards))
    assert found == pytest.approx(again)
    assert CrossedBootstrap(values, PATIENTS, seed=2).mean(values)["ci95"] != pytest.approx(found)


def test_a_ratio_resamples_both_sums_together() -> None:
    under: Scores = {(d, 0, f"p{i}"): 0.5 + i / 100 for d in (0, 1) for i in range(100)}
    over = {key: 0.75 * value for key, value in under.items()}
    found = CrossedBootstrap(under, PATIENTS).ratio(over, under)
    assert found["ci95"] == pytest.approx([0.75, 0.75])
    assert CrossedBootstrap(under, PATIENTS).ratio(over, dict.fromkeys(under, 0.0))["mean"] is None


def test_nothing_has_no_mean() -> None:
    assert CrossedBootstrap({}, {}).mean({}) == {"mean": None, "ci95": [None, None], "n": 0}


def test_one_draw_of_one_patient_has_a_mean_and_no_interval() -> None:
    values = {(0, 0, "a1"): 0.4, (0, 0, "a2"): 0.6}
    owners = {"a1": "a", "a2": "a"}
    found = CrossedBootstrap(values, owners)
    assert found.mean(values) == {"mean": pytest.approx(0.5), "ci95": [None, None], "n": 2}
    assert found.ratio(values, values)["ci95"] == [None, None]

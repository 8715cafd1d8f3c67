"""Draws and patients are resampled, each by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cladeseg.statistics import CrossedBootstrap


def crossed(draws: np.ndarray, patients: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Every draw is scored on every patient: the scores, and whose they are."""
    values = (draws[:, None] + patients[None, :]).ravel()
    who = np.array([f"p{i}" for i in range(len(patients))])
    return values, {"draws": np.repeat(np.arange(len(draws)), len(patients)), "patients": np.tile(who, len(draws))}


def width(draws: np.ndarray, patients: np.ndarray, **options: int) -> float:
    values, factors = crossed(draws, patients)
    low, high = CrossedBootstrap(**factors, **options).mean(values)["ci95"]
    return (high or math.nan) - (low or math.nan)


def test_variances_of_draws_and_patients_add_up() -> None:
    rng = np.random.default_rng(0)
    draws, patients = rng.normal(0, 0.2, 40), rng.normal(0, 0.3, 100)
    expected = 2 * 1.96 * math.sqrt(draws.var() / 40 + patients.var() / 100)
    assert width(draws, patients, resamples=8000) == pytest.approx(expected, rel=0.05)
    of_draws, of_patients = width(draws, np.zeros(100), resamples=8000), width(np.zeros(40), patients, resamples=8000)
    assert of_draws == pytest.approx(2 * 1.96 * draws.std() / 40**0.5, rel=0.05)
    assert of_patients == pytest.approx(2 * 1.96 * patients.std() / 10, rel=0.05)


def test_a_constant_has_no_interval_to_speak_of() -> None:
    assert width(np.full(5, 0.25), np.zeros(100)) == 0.0


def test_a_taken_patient_brings_all_its_cases() -> None:
    values = [float(i < 50) for i in range(100)]
    owners = ["a" if i < 50 else "b" for i in range(100)]
    assert CrossedBootstrap([0] * 100, owners).mean(values)["ci95"] == [0.0, 1.0]


def test_all_cases_of_a_patient_count() -> None:
    assert CrossedBootstrap([0, 0, 0], ["a", "a", "b"]).mean([0.0, 1.0, 1.0])["ci95"] == [0.5, 1.0]


def test_the_order_of_the_values_does_not_matter_and_the_seed_does() -> None:
    rng = np.random.default_rng(1)
    values, factors = crossed(rng.normal(size=4), rng.normal(size=100))
    found = CrossedBootstrap(**factors, seed=1).mean(values)["ci95"]
    backwards = {name: factor[::-1] for name, factor in factors.items()}
    assert CrossedBootstrap(**backwards, seed=1).mean(values[::-1])["ci95"] == pytest.approx(found)
    assert CrossedBootstrap(**factors, seed=2).mean(values)["ci95"] != pytest.approx(found)


def test_a_ratio_resamples_both_sums_together() -> None:
    under, factors = crossed(np.zeros(2), 0.5 + np.arange(100) / 100)
    bootstrap = CrossedBootstrap(**factors)
    assert bootstrap.ratio(0.75 * under, under)["ci95"] == pytest.approx([0.75, 0.75])
    assert bootstrap.ratio(under, np.zeros(200))["mean"] is None


def test_nothing_has_no_mean() -> None:
    nothing = {"mean": None, "ci95": [None, None], "n": 0}
    assert CrossedBootstrap([], []).mean([]) == CrossedBootstrap([], []).ratio([], []) == nothing


def test_one_draw_of_one_patient_has_a_mean_and_no_interval() -> None:
    found = CrossedBootstrap([0, 0], ["a", "a"])
    assert found.mean([0.4, 0.6]) == {"mean": pytest.approx(0.5), "ci95": [None, None], "n": 2}
    assert found.ratio([0.4, 0.6], [0.4, 0.6])["ci95"] == [None, None]

from __future__ import annotations

import numpy as np
import pytest

from cladeseg.statistics.bootstrap import PatientBootstrap


def test_one_patient_leaves_nothing_to_draw():
    found = PatientBootstrap(["p"]).estimate([0.2, 0.7], ["p", "p"])
    assert found == {"mean": pytest.approx(0.45), "ci95": [found["mean"], found["mean"]], "n": 2}


def test_equal_values_have_an_interval_of_no_width():
    patients = ["p", "q", "q", "r"]
    found = PatientBootstrap(patients).estimate([0.8] * 4, patients)
    assert found["mean"] == pytest.approx(0.8)
    assert found["ci95"] == pytest.approx([0.8, 0.8])


def test_patients_are_drawn_not_cases():
    # Two patients, ten cases each: three means are possible, the extreme ones in a quarter of the draws each.
    # Drawing the twenty cases instead would give about [0.3, 0.7].
    patients = ["p"] * 10 + ["q"] * 10
    found = PatientBootstrap(patients).estimate([0.0] * 10 + [1.0] * 10, patients)
    assert found == {"mean": 0.5, "ci95": [0.0, 1.0], "n": 20}


def test_a_drawn_patient_brings_all_its_cases():
    # Means of the possible draws: pp 0, pq 3/4, qq 1.
    bootstrap = PatientBootstrap(["p", "q"], resamples=400)
    found = bootstrap.estimate([0.0, 1.0, 1.0, 1.0], ["p", "q", "q", "q"])
    assert found["mean"] == 0.75
    assert found["ci95"] == [0.0, 1.0]


def test_the_interval_of_normal_values_is_that_of_the_standard_error():
    values = np.random.default_rng(3).normal(0.8, 0.1, 400)
    patients = [f"p{i}" for i in range(400)]
    low, high = PatientBootstrap(patients, resamples=4000).estimate(values.tolist(), patients)["ci95"]
    half = 1.96 * values.std() / np.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=half / 10)


def test_the_seed_and_not_the_order_decides():
    patients, values = list("abcdefgh"), [0.1, 0.9, 0.4, 0.5, 0.2, 0.8, 0.7, 0.3]
    forward = PatientBootstrap(patients, seed=5).estimate(values, patients)
    backward = PatientBootstrap(patients[::-1], seed=5).estimate(values[::-1], patients[::-1])
    assert forward["ci95"] == pytest.approx(backward["ci95"])
    assert PatientBootstrap(patients, seed=6, resamples=50).estimate(values, patients)["ci95"] != pytest.approx(
        PatientBootstrap(patients, seed=5, resamples=50).estimate(values, patients)["ci95"]
    )


def test_draws_without_any_value_are_left_out():
    # Only p has a value: (2/3)³ of the draws miss it. They say nothing, rather than NaN or 0.
    found = PatientBootstrap(["p", "q", "r"]).estimate([0.6], ["p"])
    assert found == {"mean": 0.6, "ci95": pytest.approx([0.6, 0.6]), "n": 1}


def test_no_value_has_no_mean():
    assert PatientBootstrap(["p"]).estimate([], []) == {"mean": None, "ci95": [None, None], "n": 0}

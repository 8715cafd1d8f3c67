"""Scores with hand-computed values."""

from __future__ import annotations

import numpy as np
import pytest

from cladeseg.statistics import class_scores, expected_calibration_error


def test_a_missing_prediction_counts_as_wrong() -> None:
    p = np.array([[1.0, 0.0], [np.nan, np.nan], [0.0, 1.0], [0.0, 1.0]])
    scores = class_scores(p, np.array([0, 0, 1, 1]))
    assert scores["accuracy"] == 0.75
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)


def test_calibrated_predictions_have_no_error() -> None:
    best, right = np.full(10, 0.75), np.array([True] * 15 + [False] * 5)
    assert expected_calibration_error(np.full(20, 0.75), right) == 0
    assert expected_calibration_error(best, np.ones(10, bool)) == pytest.approx(0.25)

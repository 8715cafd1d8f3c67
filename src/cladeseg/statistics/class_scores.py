"""Accuracy, macro-F1 and calibration of one method on one set of patients."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from cladeseg.statistics.calibration_error import expected_calibration_error


def class_scores(probabilities: np.ndarray, classes: np.ndarray) -> dict[str, Any]:
    """Scores of probabilities (N, C) against true classes (N,).

    Macro-F1 is the mean over the classes that occur; a patient without a prediction (NaN) counts as wrong.

    Example:
        >>> class_scores(np.array([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 1]))
        {'patients': 2, 'accuracy': 1.0, 'macro_f1': 1.0, 'ece': 0.25}
    """
    given = ~np.isnan(probabilities).any(axis=1)
    predicted = np.where(given, np.nan_to_num(probabilities).argmax(axis=1), -1)
    right = predicted == classes
    labels = np.unique(classes)
    best = np.nan_to_num(probabilities).max(axis=1)
    return {
        "patients": len(classes),
        "accuracy": float(right.mean()),
        "macro_f1": float(f1_score(classes, predicted, labels=labels, average="macro", zero_division=0)),
        "ece": float(expected_calibration_error(best[given], right[given])),
    }

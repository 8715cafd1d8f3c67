"""Whether predictions of probability p are right in a share p of the cases."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

_BINS = 10


class ReliabilityBin(TypedDict):
    """Predictions whose probability lies in one tenth of [0, 1]."""

    probability: float
    right: float
    patients: int


def reliability(best: np.ndarray, right: np.ndarray) -> list[ReliabilityBin]:
    """Mean probability and share of right predictions in tenths of [0, 1]; empty ones are left out.

    Args:
        best: (N,) probability of each predicted class.
        right: bool (N,).

    Example:
        >>> reliability(np.array([0.95, 0.95, 0.55]), np.array([True, False, True]))[1]
        {'probability': 0.95, 'right': 0.5, 'patients': 2}
    """
    tenth = np.minimum((best * _BINS).astype(int), _BINS - 1)
    rows = [np.flatnonzero(tenth == i) for i in range(_BINS)]
    return [
        {"probability": float(best[one].mean()), "right": float(right[one].mean()), "patients": len(one)}
        for one in rows
        if len(one)
    ]


def class_reliability(p: np.ndarray, classes: np.ndarray) -> list[ReliabilityBin]:
    """:func:`reliability` of the predicted classes; patients without a prediction are left out.

    Args:
        p: (N, C) probabilities, NaN for who has none.
        classes: int (N,) that are true.
    """
    given = ~np.isnan(p).any(axis=1)
    return reliability(p[given].max(axis=1), p[given].argmax(axis=1) == classes[given])


def expected_calibration_error(best: np.ndarray, right: np.ndarray) -> float:
    """Mean over the patients of |probability - share of right ones| of their tenth (Guo et al., arXiv 1706.04599).

    Args:
        best: (N,) probability of each predicted class.
        right: bool (N,).

    Example:
        >>> expected_calibration_error(np.array([0.75, 0.75]), np.array([True, False]))
        0.25
    """
    bins = reliability(best, right)
    return sum(abs(b["probability"] - b["right"]) * b["patients"] for b in bins) / max(1, len(best))

"""Cases as points: features made comparable, and how far each case lies from the middle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np


def standardise(table: np.ndarray, kinds: Sequence[str]) -> np.ndarray:
    """Robust coordinates of cases, in which Euclidean distance compares them.

    Each feature becomes (value − median) / interquartile range, so that a few broken cases set no scale, and is divided
    by the square root of its kind's size, so that ten intensities do not outvote three coordinates.  A value that is
    missing counts as the median, and a feature whose quartiles coincide as saying nothing.

    Args:
        table: (cases, features); NaN where a case has no value.
        kinds: one name per feature.

    Returns:
        float64 (cases, features); the origin is the typical case.

    Example:
        >>> standardise(np.array([[1.0], [2.0], [3.0], [4.0], [1000.0]]), ["shape"])[:4, 0].tolist()
        [-1.0, -0.5, 0.0, 0.5]
    """
    coordinates = np.zeros(table.shape)
    members = Counter(kinds)
    for column, kind in enumerate(kinds):
        values = table[:, column]
        known = np.isfinite(values)
        if known.any():
            low, middle, high = np.percentile(values[known], [25, 50, 75])
            if high > low:
                coordinates[known, column] = (values[known] - middle) / (high - low) / np.sqrt(members[kind])
    return coordinates


def pairwise_distances(coordinates: np.ndarray) -> np.ndarray:
    """Euclidean distances (cases, cases) between the rows of ``coordinates`` (cases, features)."""
    return np.array([np.linalg.norm(coordinates - row, axis=1) for row in coordinates])


def distance_percentiles(coordinates: np.ndarray) -> np.ndarray:
    """For each case the percentage of the other cases that lie nearer to the origin; 0 is the most typical.

    Args:
        coordinates: (cases, features), see :func:`standardise`.

    Returns:
        float64 (cases,), 0 to 100; 0 for a case that is alone.

    Example:
        >>> distance_percentiles(np.array([[0.0], [-3.0], [1.0]])).tolist()
        [0.0, 100.0, 50.0]
    """
    distances = np.linalg.norm(coordinates, axis=1)
    nearer = np.searchsorted(np.sort(distances), distances, side="left")
    return 100 * nearer / max(1, len(distances) - 1)

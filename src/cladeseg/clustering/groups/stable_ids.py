"""Cluster numbers that stay when objects are added or the clustering changes a little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment


def stable_numbers(ids: Sequence[str], labels: np.ndarray, earlier: Mapping[str, int]) -> np.ndarray:
    """Number of each object's cluster, from 1: a cluster keeps the number of the earlier one that it shares most with.

    Clusters that match none get numbers that were never used.

    Args:
        ids: of the objects; n of them.
        labels: the clustering; (n,).
        earlier: id → number in an earlier result.

    Examples:
        >>> stable_numbers(["a", "b", "c", "d"], np.array([0, 0, 1, 2]), {"a": 5, "c": 2}).tolist()
        [5, 5, 2, 6]
    """
    found, place = np.unique(labels, return_inverse=True)
    numbers = sorted({earlier[one] for one in ids if one in earlier})
    shared = np.zeros((found.size, len(numbers)))
    for row, one in zip(place, ids, strict=True):
        if one in earlier:
            shared[row, numbers.index(earlier[one])] += 1
    rows, columns = linear_sum_assignment(-shared)
    kept = {row: numbers[column] for row, column in zip(rows, columns, strict=True) if shared[row, column] > 0}
    following = max(earlier.values(), default=0)
    names = np.empty(found.size, dtype=int)
    for row in _by_first(place, found.size):
        if row not in kept:
            following += 1
        names[row] = kept.get(row, following)
    return names[place]


def _by_first(place: np.ndarray, count: int) -> list[int]:
    """Clusters in the order of their first objects."""
    return sorted(range(count), key=list(place).index)

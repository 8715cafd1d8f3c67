"""How well scores of pairs tell pairs of one class from others."""

from __future__ import annotations

import numpy as np


class PairRanking:
    """All pairs in the order of their scores, sorted once for any number of resamples.

    Args:
        scores: higher for pairs that are more alike; (n, n), symmetric.
        classes: of the objects; (n,).
    """

    def __init__(self, scores: np.ndarray, classes: np.ndarray) -> None:
        self.rows, self.columns = np.triu_indices(len(classes), 1)
        self.same = classes[self.rows] == classes[self.columns]
        _, self.rank = np.unique(np.asarray(scores)[self.rows, self.columns], return_inverse=True)

    def auc(self, counts: np.ndarray | None = None) -> float | None:
        """Area under the ROC curve; ``None`` where all pairs are of one kind.

        Args:
            counts: how often each object counts; (n,), once each if ``None``.
        """
        weight = np.ones(self.rank.size) if counts is None else counts[self.rows] * counts[self.columns]
        positive = np.bincount(self.rank, weights=weight * self.same)
        negative = np.bincount(self.rank, weights=weight * ~self.same)
        if not positive.sum() or not negative.sum():
            return None
        below = np.cumsum(negative) - negative / 2  # of equal scores, half count as below
        return float((positive @ below) / (positive.sum() * negative.sum()))


def pair_auc(scores: np.ndarray, classes: np.ndarray) -> float | None:
    """Area under the ROC curve over all pairs; ``None`` where all pairs are of one kind.

    Args:
        scores: higher for pairs that are more alike; (n, n), symmetric.
        classes: of the objects; (n,).

    Examples:
        >>> pair_auc(np.array([[0, 2, 1], [2, 0, 0], [1, 0, 0]]), np.array(["a", "a", "b"]))
        1.0
    """
    return PairRanking(scores, classes).auc()

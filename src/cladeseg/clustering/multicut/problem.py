"""Correlation clustering: signed pairs, and what a clustering of them costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cladeseg.files import DataError

#: Probabilities are kept this far from 0 and 1, so that no pair alone decides a clustering.
CLAMP = 1e-6


def logit(probability: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) with p kept in [1e-6, 1 - 1e-6]: what cutting a pair costs; above zero a pair wants to join.

    Examples:
        >>> logit(np.array([0.5, 0.75])).round(3).tolist()
        [0.0, 1.099]
    """
    p = np.clip(probability, CLAMP, 1 - CLAMP)
    return np.log(p) - np.log1p(-p)


@dataclass(frozen=True)
class Multicut:
    """A signed graph; the clustering is looked for whose cut pairs have the least weight (Bansal et al. 2004).

    Args:
        count: number of objects n.
        pairs: (E, 2) indices; each pair once.
        weights: what cutting each pair costs; (E,).

    Raises:
        DataError: an index is out of range, a pair is one object or stands twice, or a weight is not finite.

    Examples:
        >>> Multicut(3, [[0, 1], [1, 2]], [2.0, -1.0]).energy([0, 0, 1])
        -1.0
    """

    count: int
    pairs: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        pairs = np.sort(np.asarray(self.pairs, dtype=np.int64).reshape(-1, 2), axis=1)
        object.__setattr__(self, "pairs", pairs)
        object.__setattr__(self, "weights", np.asarray(self.weights, dtype=float).reshape(-1))
        _check(self)

    @classmethod
    def from_matrix(cls, weights: np.ndarray) -> Multicut:
        """All pairs of a symmetric matrix (n, n); its diagonal is ignored."""
        rows, columns = np.triu_indices(len(weights), 1)
        return cls(len(weights), np.stack([rows, columns], axis=1), np.asarray(weights)[rows, columns])

    def matrix(self) -> np.ndarray:
        """Weights (n, n), zero where there is no pair."""
        full = np.zeros((self.count, self.count))
        full[self.pairs[:, 0], self.pairs[:, 1]] = self.weights
        return full + full.T

    def energy(self, labels: np.ndarray) -> float:
        """Sum of the weights of cut pairs.

        Args:
            labels: cluster of each object; (n,).
        """
        labels = np.asarray(labels)
        return float(self.weights[labels[self.pairs[:, 0]] != labels[self.pairs[:, 1]]].sum())

    @property
    def trivial_bound(self) -> float:
        """No clustering has less energy than the sum of all negative weights."""
        return float(np.minimum(self.weights, 0).sum())


def _check(problem: Multicut) -> None:
    pairs = problem.pairs
    if len(pairs) != problem.weights.size:
        raise DataError(f"pairs: {len(pairs)} pairs have {problem.weights.size} weights")
    if not np.isfinite(problem.weights).all():
        bad = pairs[~np.isfinite(problem.weights)][0].tolist()
        raise DataError(f"pairs: the weight of pair {bad} is not finite; compute its probability anew")
    if pairs.size and (pairs.min() < 0 or pairs.max() >= problem.count or (pairs[:, 0] == pairs[:, 1]).any()):
        raise DataError(f"pairs: an index is not among the {problem.count} objects, or a pair is one object twice")
    keys = pairs[:, 0] * problem.count + pairs[:, 1]
    if not (keys[1:] > keys[:-1]).all() and len(np.unique(keys)) < len(keys):
        raise DataError("pairs: a pair stands twice; give each once")


def in_order(labels: np.ndarray) -> np.ndarray:
    """Labels renumbered 0, 1, … by the first object of each cluster.

    Examples:
        >>> in_order(np.array([7, 3, 7])).tolist()
        [0, 1, 0]
    """
    _, first, inverse = np.unique(np.asarray(labels), return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse.reshape(-1)]

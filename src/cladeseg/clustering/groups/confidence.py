"""How sure each object's cluster is: margin to the next cluster, and stability when pairs are resampled."""

from __future__ import annotations

import numpy as np

from cladeseg.clustering.multicut import Multicut, cluster

#: Pairs times resamples at most, so that thousands of objects stay a matter of minutes.
_WORK = 4_000_000


def object_confidence(weights: np.ndarray, labels: np.ndarray, *, resamples: int = 20, seed: int = 0) -> np.ndarray:
    """Confidence of each object in [0, 1]: stability × σ(margin).

    Args:
        weights: of the clustering; (n, n), above zero for pairs to be joined.
        labels: the clustering, numbered from 0; (n,).
        resamples: clusterings of resampled pairs at most.
        seed: of the resamples.

    Returns:
        float (n,); 1 for an object without others.

    Examples:
        >>> weights = np.where(np.kron(np.eye(2), np.ones((3, 3))) > 0, 9.0, -9.0)
        >>> bool(object_confidence(weights, np.array([0, 0, 0, 1, 1, 1])).min() > 0.8)
        True
    """
    if len(labels) < 2:
        return np.ones(len(labels))
    margin = 1 / (1 + np.exp(-np.clip(cluster_margin(weights, labels), -50, 50)))
    return margin * stability(weights, labels, resamples=resamples, seed=seed)


def cluster_margin(weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean weight to one's own cluster minus the largest mean weight to another one; (n,).

    An object alone in its cluster has a mean of 0 to it; one without other clusters is compared with being alone.
    """
    sizes = np.bincount(labels).astype(float)
    member = np.eye(len(sizes))[labels]
    sums = (weights - np.diag(np.diag(weights))) @ member
    own_size = sizes[labels] - 1
    own = np.where(own_size > 0, sums[np.arange(len(labels)), labels] / np.maximum(own_size, 1), 0.0)
    others = sums / sizes
    others[np.arange(len(labels)), labels] = -np.inf
    alone = np.where(own_size > 0, 0.0, -np.inf)
    best = np.maximum(others.max(axis=1), alone)
    return own - np.where(np.isfinite(best), best, own)


def stability(weights: np.ndarray, labels: np.ndarray, *, resamples: int = 20, seed: int = 0) -> np.ndarray:
    """Mean overlap (Jaccard) of each object's cluster with that from pairs drawn with replacement; (n,)."""
    rng = np.random.default_rng(seed)
    problem = Multicut.from_matrix(weights)
    rounds = int(np.clip(_WORK // max(len(problem.pairs), 1), 3, resamples))
    total = np.zeros(len(labels))
    for _ in range(rounds):
        drawn = rng.poisson(1.0, problem.weights.size)
        again = cluster(Multicut(problem.count, problem.pairs, problem.weights * drawn))
        total += _overlap(labels, again)
    return total / rounds


def _overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)
    both = table[one, other]
    return both / (table.sum(axis=1)[one] + table.sum(axis=0)[other] - both)

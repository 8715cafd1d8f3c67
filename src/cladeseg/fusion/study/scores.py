"""Correlation of predicted components, and how often a patch finds its own spot."""

from __future__ import annotations

import numpy as np


def correlations(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Pearson's r of each column, (C,); 0 where one of both is constant.

    Example:
        >>> correlations(np.array([[1.0, 3.0], [2.0, 3.0]]), np.array([[0.0, 1.0], [5.0, 2.0]])).tolist()
        [1.0, 0.0]
    """
    one, other = predicted - predicted.mean(axis=0), true - true.mean(axis=0)
    norm = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    return np.divide((one * other).sum(axis=0), norm, out=np.zeros(one.shape[1]), where=norm > 1e-12).round(12)


def ranks(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """How many other spots resemble each prediction more than its own spot does: (N,), 0 is a hit at once.

    Resemblance is the cosine of deviations from the mean.  A tie counts against us.

    Example:
        >>> places = np.eye(3)
        >>> ranks(places, places).tolist(), ranks(places[[1, 0, 2]], places).tolist()
        ([0, 0, 0], [2, 2, 0])
    """
    one, other = (values - values.mean(axis=0) for values in (predicted, true))
    one, other = (values / (np.linalg.norm(values, axis=1, keepdims=True) + 1e-12) for values in (one, other))
    resemblance = (one @ other.T).round(12)
    own = np.diag(resemblance)[:, None]
    return (resemblance >= own).sum(axis=1) - 1


def recall_at(found: np.ndarray, k: int) -> float:
    """Share of ranks below k."""
    return float((found < k).mean())


def drawn_differences(
    one: np.ndarray, other: np.ndarray, true: np.ndarray, *, seed: int = 0, resamples: int = 1000
) -> np.ndarray:
    """Differences of two correlations when spots are drawn with replacement.

    Args:
        one: (N, C) predictions.
        other: (N, C) predictions of the same spots.
        true: (N, C).
        seed: of the resamples.
        resamples: their number.

    Returns:
        (resamples, C); neighbouring spots are alike, so an interval of them is rather too narrow.
    """
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(true), (resamples, len(true)))
    return np.stack([correlations(one[rows], true[rows]) - correlations(other[rows], true[rows]) for rows in drawn])

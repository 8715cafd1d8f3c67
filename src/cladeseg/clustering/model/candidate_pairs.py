"""Which pairs are matched by key points where there are too many, and what stands in the place of the others."""

from __future__ import annotations

import numpy as np

from cladeseg.clustering.descriptors import DescriptorModel


def candidate_pairs(vectors: np.ndarray, most: int, baseline: DescriptorModel | None = None) -> np.ndarray:
    """All pairs, or for each object those most alike by descriptors.

    Args:
        vectors: (n, D).
        most: pairs at most; at least two for each object are taken all the same.
        baseline: says how alike; distance of standardised vectors if ``None``.

    Returns:
        int (E, 2), each pair once.

    Examples:
        >>> candidate_pairs(np.array([[0.0], [0.1], [5.0], [5.1]]), 6).shape, candidate_pairs(np.eye(9), 9).shape[1]
        ((6, 2), 2)
    """
    n = len(vectors)
    if n * (n - 1) // 2 <= most:
        return np.stack(np.triu_indices(n, 1), axis=1)
    alike = _alike(vectors) if baseline is None else baseline.logits(vectors)
    np.fill_diagonal(alike, -np.inf)
    neighbours = int(np.clip(most // n, 2, n - 1))
    nearest = np.argpartition(-alike, neighbours - 1, axis=1)[:, :neighbours]
    pairs = np.sort(np.stack([np.repeat(np.arange(n), neighbours), nearest.ravel()], axis=1), axis=1)
    return np.unique(pairs, axis=0)


def _alike(vectors: np.ndarray) -> np.ndarray:
    spread = vectors.std(axis=0)
    scaled = (vectors - vectors.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    squares = (scaled**2).sum(axis=1)
    return (2 * scaled @ scaled.T - squares[:, None] - squares).astype(np.float32)


def fill_in(known: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Logits with those of unmatched pairs predicted by the baseline's, along the line that fits the matched pairs.

    Args:
        known: NaN where pairs were not matched; (n, n).
        baseline: (n, n).
    """
    missing = np.isnan(known)
    if not missing.any():
        return known
    there = ~missing
    np.fill_diagonal(there, False)
    slope, offset = np.polyfit(baseline[there], known[there], 1)
    return np.where(missing, np.float32(max(slope, 0.0)) * baseline + np.float32(offset), known)

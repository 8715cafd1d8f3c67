"""Similarity → probability that two objects are of one kind: a threshold becomes one half (arXiv 2403.13376)."""

from __future__ import annotations

import numpy as np


def probability_of(similarity: np.ndarray, threshold: float) -> np.ndarray:
    """Piecewise linear: 0 → 0, threshold → 0.5, 1 → 1.

    Examples:
        >>> probability_of(np.array([0.0, 0.4, 0.8, 0.9, 1.0]), 0.8).round(2).tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    below = 0.5 * similarity / threshold
    above = 0.5 + 0.5 * (similarity - threshold) / (1 - threshold)
    return np.clip(np.where(similarity <= threshold, below, above), 0.0, 1.0)


def best_threshold(similarity: np.ndarray, same: np.ndarray) -> float:
    """The threshold with the best F1 of joined pairs.

    Args:
        similarity: of each pair; (E,).
        same: whether it is of one class; bool (E,), both kinds there.

    Examples:
        >>> best_threshold(np.array([0.5, 0.6, 0.8, 0.9]), np.array([False, False, True, True]))
        0.7
    """
    order = np.argsort(-similarity)
    values, hits = similarity[order], np.cumsum(same[order])
    f1 = 2 * hits / (np.arange(1, hits.size + 1) + same.sum())
    place = int(f1.argmax())
    after = values[place + 1] if place + 1 < values.size else 0.0
    return float(np.clip((values[place] + after) / 2, 0.01, 0.99))

"""How well scores of pairs tell pairs of one class from others."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def pair_auc(scores: np.ndarray, classes: np.ndarray) -> float | None:
    """Area under the ROC curve over all pairs; ``None`` where all pairs are of one kind.

    Args:
        scores: higher for pairs that are more alike; (n, n), symmetric.
        classes: of the objects; (n,).

    Examples:
        >>> pair_auc(np.array([[0, 2, 1], [2, 0, 0], [1, 0, 0]]), np.array(["a", "a", "b"]))
        1.0
    """
    rows, columns = np.triu_indices(len(classes), 1)
    same = classes[rows] == classes[columns]
    positive, negative = int(same.sum()), int((~same).sum())
    if not positive or not negative:
        return None
    ranks = rankdata(np.asarray(scores)[rows, columns])
    return float((ranks[same].sum() - positive * (positive + 1) / 2) / (positive * negative))

"""Parts of the labelled patients that are held out in turn."""

from __future__ import annotations

import numpy as np


def dealt_folds(classes: np.ndarray, count: int) -> np.ndarray:
    """Fold (N,) of each patient: those of a class are dealt out in turn, each class beginning at another fold.

    Args:
        classes: int (N,); a negative one is not known, and its patient is in fold -1.
        count: number of folds.

    Example:
        >>> dealt_folds(np.array([0, 0, 1, -1, 0]), 2).tolist()
        [0, 1, 1, -1, 0]
    """
    fold = np.full(len(classes), -1)
    for c in np.unique(classes[classes >= 0]):
        rows = np.flatnonzero(classes == c)
        fold[rows] = (np.arange(len(rows)) + c) % count
    return fold

"""A small panel of genes, as a cheap assay would measure it, chosen on training patients alone."""

from __future__ import annotations

import numpy as np
from sklearn.feature_selection import f_classif


def choose_panel(expression: np.ndarray, classes: np.ndarray, size: int) -> np.ndarray:
    """Columns of the genes that tell the classes apart best; each class in turn adds its best one.

    A gene is as good for a class as the F statistic of that class against all others.  Taking turns keeps a frequent
    class from filling the panel.

    Args:
        expression: (N, G) of training patients, without gaps.
        classes: int (N,), -1 where it is not known.
        size: number of genes; all of them where there are no more.

    Returns:
        (size,) sorted columns.

    Example:
        >>> expression = np.array([[0.0, 5.0, 1.0], [0.1, 5.1, 0.0], [3.0, 5.0, 1.0], [3.1, 5.1, 0.1]])
        >>> choose_panel(expression, np.array([0, 0, 1, 1]), 1).tolist()
        [0]
    """
    known = classes >= 0
    ranked = [_ranked(expression[known], classes[known] == one) for one in np.unique(classes[known])]
    # Best genes of all classes, then all second best ones, and so on; a gene counts where it first appears.
    turns = np.stack(ranked, axis=1).ravel()
    _, first = np.unique(turns, return_index=True)
    return np.sort(turns[np.sort(first)][:size])


def _ranked(expression: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Columns, the one that separates members best first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = f_classif(expression, members)[0]
    return np.argsort(-np.nan_to_num(scores), kind="stable")

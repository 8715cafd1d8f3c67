"""What a missing omics would score: ridge regression on the omics that are there, labels unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import RidgeCV

from cladeseg.omics.model.subsets import Subset
from cladeseg.omics.model.views import Scores

#: Scores of an omics have a total variance of one; the strength is chosen by leaving out one training patient each.
_STRENGTHS = tuple(np.geomspace(0.01, 10.0, 7))
_FEWEST = 3
_Key = tuple[int, str]


@dataclass(frozen=True)
class Completion:
    """Linear map from the scores of some omics to those of all others.

    Attributes:
        inputs: (omics, block) that it takes.
        outputs: (omics, block) that it gives.
        coefficients: (ΣK of the inputs, ΣK of the outputs).
        offset: (ΣK of the outputs,).
    """

    inputs: tuple[_Key, ...]
    outputs: tuple[_Key, ...]
    coefficients: np.ndarray
    offset: np.ndarray

    def __call__(self, scores: Scores) -> dict[_Key, np.ndarray]:
        """The same scores (N, K) with gaps of the outputs filled; rows that lack an input keep them."""
        given = np.hstack([scores[key] for key in self.inputs])
        widths = np.cumsum([scores[key].shape[1] for key in self.outputs])
        expected = np.split(given @ self.coefficients + self.offset, widths[:-1], axis=1)
        filled = {
            key: np.where(np.isnan(scores[key]), one, scores[key])
            for key, one in zip(self.outputs, expected, strict=True)
        }
        return {**scores, **filled}


def fit_completion(training: Scores, subset: Subset, block: str) -> Completion | None:
    """Fit to the training patients who have every omics.

    Args:
        training: their scores, NaN rows where an omics is missing.
        subset: the omics that are there.
        block: the form of them that is taken.

    Returns:
        ``None`` where nothing is missing or fewer than three patients have every omics.
    """
    inputs = tuple((i, block) for i in subset)
    outputs = tuple(key for key in training if key[0] not in subset)
    if not outputs:
        return None
    given, wanted = (np.hstack([training[key] for key in keys]) for keys in (inputs, outputs))
    whole = ~np.isnan(given).any(axis=1) & ~np.isnan(wanted).any(axis=1)
    if whole.sum() < _FEWEST:
        return None
    ridge = RidgeCV(_STRENGTHS).fit(given[whole], wanted[whole])
    return Completion(inputs, outputs, ridge.coef_.T, np.atleast_1d(ridge.intercept_))


def completed(scores: Scores, heads: np.ndarray, completions: Sequence[Completion | None]) -> dict[_Key, np.ndarray]:
    """Scores of patients without gaps where that is possible.

    Args:
        scores: (N, K) by (omics, block).
        heads: (N,) each patient's joint head, negative without any.
        completions: of each head.
    """
    filled = {key: table.copy() for key, table in scores.items()}
    for head, completion in enumerate(completions):
        rows = heads == head
        if completion is not None and rows.any():
            for key, table in completion({key: table[rows] for key, table in scores.items()}).items():
                filled[key][rows] = table
    return filled

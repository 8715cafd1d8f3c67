"""Logistic regression on the differences of two objects' numbers: the baseline that stands beside every method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

#: Inverse strength of the penalty; small, as pairs are many and objects few.
_C = 0.05
#: Pairs that are learnt from at most.
_MOST_PAIRS = 200_000
_ROWS = 256  # objects whose differences to all others are in memory at once


@dataclass(frozen=True)
class DescriptorModel:
    """Logit of "one kind" = intercept + Σ coefficient · |difference|, of standardised numbers.

    Attributes:
        mean: of each number in training; (D,).
        spread: its standard deviation; (D,).
        coefficients: (D,).
        intercept: of the logit.
    """

    mean: np.ndarray
    spread: np.ndarray
    coefficients: np.ndarray
    intercept: float

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Of all pairs; float32 (n, n).

        Args:
            vectors: (n, D).
        """
        rows = self._standardised(vectors)
        found = np.empty((len(rows), len(rows)), dtype=np.float32)
        for begin in range(0, len(rows), _ROWS):
            part = rows[begin : begin + _ROWS]
            total = np.full((len(part), len(rows)), self.intercept, dtype=np.float32)
            for column in np.flatnonzero(self.coefficients):  # a column at a time: (rows, n, D) would not fit
                total += np.float32(self.coefficients[column]) * np.abs(part[:, column, None] - rows[:, column])
            found[begin : begin + _ROWS] = total
        return found

    def _standardised(self, vectors: np.ndarray) -> np.ndarray:
        return np.clip((vectors - self.mean) / self.spread, -8, 8).astype(np.float32)


def fit_descriptors(vectors: np.ndarray, classes: np.ndarray, *, seed: int = 0) -> DescriptorModel:
    """Learn from all pairs of training objects, or a sample of them; both kinds of pair weigh the same.

    Args:
        vectors: (n, D).
        classes: (n,), at least two, one of which has two objects.
        seed: of the sample.
    """
    mean = vectors.mean(axis=0)
    spread = vectors.std(axis=0)
    spread[spread < 1e-9] = 1.0
    rows, columns = np.triu_indices(len(classes), 1)
    if rows.size > _MOST_PAIRS:
        kept = np.random.default_rng(seed).choice(rows.size, _MOST_PAIRS, replace=False)
        rows, columns = rows[kept], columns[kept]
    scaled = np.clip((vectors - mean) / spread, -8, 8)
    model = LogisticRegression(C=_C, class_weight="balanced", max_iter=2000)
    model.fit(np.abs(scaled[rows] - scaled[columns]), classes[rows] == classes[columns])
    return DescriptorModel(mean, spread, model.coef_[0], float(model.intercept_[0]))

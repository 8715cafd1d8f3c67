"""Scores of a cross-validation: those of each fold, their mean, and intervals over the patients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

import numpy as np

from cladeseg.statistics.bootstrap import Estimate
from cladeseg.statistics.subtype_scores import SCORES, subtype_scores


class FoldScores(TypedDict):
    """Scores of one method: of each fold, and the mean of all."""

    folds: list[dict[str, float]]
    mean: dict[str, Estimate]


class FoldBootstrap:
    """Resamples of patients within their test fold, the same ones for every method, so that differences are paired.

    Intervals tell how far other patients would change the scores of these trained models; they do not hold what other
    trainings would.  Those of ECE are moved by the mean bias of the resamples.

    Args:
        folds: int (N,) test fold of each patient.
        seed: of the resamples.
        resamples: their number R.

    Example:
        >>> p, classes = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]]), np.array([0, 1, 0, 1])
        >>> FoldBootstrap([0, 0, 1, 1]).scores(p, classes)["mean"]["auc"]["mean"]
        1.0
    """

    def __init__(self, folds: np.ndarray | list[int], *, seed: int = 0, resamples: int = 1000) -> None:
        self.rows = [np.flatnonzero(np.asarray(folds) == fold) for fold in np.unique(folds)]
        random = np.random.default_rng(seed)
        self.weights = [random.multinomial(len(r), np.full(len(r), 1 / len(r)), resamples) for r in self.rows]

    def scores(self, p: np.ndarray, classes: np.ndarray) -> FoldScores:
        """Of probabilities (N, C) against true classes (N,)."""
        each, drawn = self._each(p, classes), self._drawn(p, classes)
        return {"folds": each, "mean": {n: self._estimate([o[n] for o in each], drawn[n], len(p)) for n in SCORES}}

    def differences(self, one: np.ndarray, other: np.ndarray, classes: np.ndarray) -> dict[str, Estimate]:
        """Scores of ``one`` minus those of ``other``, on the same patients in every resample."""
        pairs = [self._each(p, classes) for p in (one, other)]
        drawn = [self._drawn(p, classes) for p in (one, other)]
        return {
            name: self._estimate(
                [a[name] - b[name] for a, b in zip(*pairs, strict=True)], drawn[0][name] - drawn[1][name], len(one)
            )
            for name in SCORES
        }

    def _each(self, p: np.ndarray, classes: np.ndarray) -> list[dict[str, float]]:
        """Scores of each fold."""
        folds = [subtype_scores(p[rows], classes[rows]) for rows in self.rows]
        return [{name: float(one[name][0]) for name in SCORES} for one in folds]

    def _drawn(self, p: np.ndarray, classes: np.ndarray) -> Mapping[str, np.ndarray]:
        """Score → (R,) mean over the folds in each resample."""
        found = [subtype_scores(p[r], classes[r], w) for r, w in zip(self.rows, self.weights, strict=True)]
        drawn = {name: np.mean([one[name] for one in found], axis=0) for name in SCORES}
        # A gap between probability and frequency counts whatever its sign, so resampling can only widen it on average.
        here = np.mean([one["ece"] for one in self._each(p, classes)])
        return {**drawn, "ece": (drawn["ece"] - drawn["ece"].mean() + here).clip(0)}

    @staticmethod
    def _estimate(values: list[float], drawn: np.ndarray, count: int) -> Estimate:
        low, high = np.nanpercentile(drawn, [2.5, 97.5])
        return {"mean": float(np.mean(values)), "ci95": [float(low), float(high)], "n": count}

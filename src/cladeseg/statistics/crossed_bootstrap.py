"""Confidence intervals over random draws and over scored patients at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cladeseg.statistics.bootstrap import Estimate, no_estimate

RESAMPLES = 2000
_TAIL = 0.025


class CrossedBootstrap:
    """Percentile bootstrap that resamples draws and, independently, patients.

    Every draw (e.g. of the patients to train on) is scored on every patient, so that a score is hit by the luck of
    both: each resample takes as many draws and as many patients as there are, with replacement, and weighs a score by
    the product of how often its draw and its patient were taken (the pigeonhole bootstrap: Owen, Annals of Applied
    Statistics 1(2), 2007).  A patient that is taken brings all its cases.  Where there is one draw alone, only patients
    are resampled; one draw of one patient has no interval, as its luck cannot be estimated.  Resamples depend on the
    seed and the sets of draws and patients, not on the order of the scores.

    Args:
        draws: draw of each score, any sortable labels; (K,).
        patients: patient of each score; (K,).
        seed: of the resamples.
        resamples: their number R.

    Examples:
        >>> bootstrap = CrossedBootstrap(draws=[0, 0, 1, 1], patients=["a", "b", "a", "b"])
        >>> bootstrap.mean([0.5, 0.5, 1.0, 1.0])
        {'mean': 0.75, 'ci95': [0.5, 1.0], 'n': 4}
        >>> bootstrap.ratio([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0])
        {'mean': 0.5, 'ci95': [0.5, 0.5], 'n': 4}
    """

    def __init__(self, draws: ArrayLike, patients: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES) -> None:
        draw_names, self._draws = np.unique(np.asarray(draws), return_inverse=True)
        patient_names, self._patients = np.unique(np.asarray(patients), return_inverse=True)
        random = np.random.default_rng(seed)
        self._patient_counts = _taken(random, patient_names.size, resamples)
        self._draw_counts = _taken(random, draw_names.size, resamples)

    def mean(self, values: ArrayLike) -> Estimate:
        """Mean over the scores (K,) with its 95 % interval."""
        values = np.asarray(values, dtype=float)
        if not values.size:
            return no_estimate()
        return self._estimate(float(values.mean()), self._sums(values), self._sums(np.ones_like(values)), values.size)

    def ratio(self, over: ArrayLike, under: ArrayLike) -> Estimate:
        """Σ over / Σ under, (K,) each, with its 95 % interval.

        ``None`` where Σ under is not above zero: in the data then the ratio is, with more than 2.5 % of the resamples
        the interval.
        """
        over, under = np.asarray(over, dtype=float), np.asarray(under, dtype=float)
        total = float(under.sum())
        if total <= 0:
            return no_estimate()
        return self._estimate(float(over.sum()) / total, self._sums(over), self._sums(under), over.size)

    def _sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of the values in each resample; (R,)."""
        table = np.zeros((self._draw_counts.shape[1], self._patient_counts.shape[1]))
        np.add.at(table, (self._draws, self._patients), values)
        return np.asarray(((self._draw_counts @ table) * self._patient_counts).sum(axis=1))

    def _estimate(self, value: float, over: np.ndarray, under: np.ndarray, n: int) -> Estimate:
        defined = under > 0
        single = self._draw_counts.shape[1] * self._patient_counts.shape[1] == 1
        if single or 1 - defined.mean() > _TAIL:
            return {"mean": value, "ci95": [None, None], "n": n}
        low, high = np.percentile(over[defined] / under[defined], [100 * _TAIL, 100 * (1 - _TAIL)])
        return {"mean": value, "ci95": [float(low), float(high)], "n": n}


def _taken(random: np.random.Generator, size: int, resamples: int) -> np.ndarray:
    """How often each of ``size`` is taken in each resample; (R, size)."""
    return random.multinomial(size, np.full(max(size, 1), 1 / max(size, 1)), size=resamples)

"""Confidence intervals over draws of the fine patients and over scored patients at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import numpy as np

from cladeseg.statistics.bootstrap import Estimate
from cladeseg.statistics.paired import Draw, Scores

RESAMPLES = 2000
_TAIL = 0.025
_Name = TypeVar("_Name", str, Draw)
_NOTHING: Estimate = {"mean": None, "ci95": [None, None], "n": 0}


class CrossedBootstrap:
    """Percentile bootstrap that resamples the draws and, independently, the patients.

    Every draw is scored on every patient, so that a score is hit by the luck of both: each resample takes as many draws
    and as many patients as there are, with replacement, and weighs a score by the product of how often its draw and its
    patient were taken (the pigeonhole bootstrap: Owen, Annals of Applied Statistics 1(2), 2007).  A patient that is
    taken brings all its cases.  Where there is one draw alone, only patients are resampled; one draw of one patient
    has no interval, as nothing tells how much luck there is.  Resamples depend on the seed and the sets of draws and
    patients, not on the order of the values.

    Args:
        scores: whose draws and cases are resampled.
        patients: case → patient.
        seed: of the resamples.
        resamples: their number R.
    """

    def __init__(
        self, scores: Scores, patients: Mapping[str, str], *, seed: int = 0, resamples: int = RESAMPLES
    ) -> None:
        self._patients = patients
        self._owners = _numbered([patients[case] for *_, case in scores])
        self._draws = _numbered([(draw, fold) for draw, fold, _ in scores])
        random = np.random.default_rng(seed)
        self._patient_counts = _taken(random, len(self._owners), resamples)
        self._draw_counts = _taken(random, len(self._draws), resamples)

    def mean(self, scores: Scores) -> Estimate:
        """Mean over ``scores`` with its 95 % interval."""
        if not scores:
            return _NOTHING
        sums, counts = self._sums(scores), self._sums(dict.fromkeys(scores, 1.0))
        return self._estimate(float(np.mean(list(scores.values()))), sums, counts, len(scores))

    def ratio(self, over: Scores, under: Scores) -> Estimate:
        """Σ over / Σ under of the same keys with its 95 % interval.

        ``None`` where Σ under is not above zero: in the data then the ratio is, with more than 2.5 % of the resamples
        the interval.
        """
        total = sum(under.values())
        if not under or total <= 0:
            return _NOTHING
        return self._estimate(sum(over.values()) / total, self._sums(over), self._sums(under), len(over))

    def _sums(self, scores: Scores) -> np.ndarray:
        """Sum of the scores in each resample; (R,)."""
        table = np.zeros((len(self._draws), len(self._owners)))
        for (draw, fold, case), value in scores.items():
            table[self._draws[draw, fold], self._owners[self._patients[case]]] += value
        return np.asarray(((self._draw_counts @ table) * self._patient_counts).sum(axis=1))

    def _estimate(self, value: float, over: np.ndarray, under: np.ndarray, n: int) -> Estimate:
        defined = under > 0
        if len(self._draws) * len(self._owners) == 1 or 1 - defined.mean() > _TAIL:
            return {"mean": value, "ci95": [None, None], "n": n}
        low, high = np.percentile(over[defined] / under[defined], [100 * _TAIL, 100 * (1 - _TAIL)])
        return {"mean": value, "ci95": [float(low), float(high)], "n": n}


def _numbered(names: Iterable[_Name]) -> dict[_Name, int]:
    return {name: i for i, name in enumerate(sorted(set(names)))}


def _taken(random: np.random.Generator, size: int, resamples: int) -> np.ndarray:
    """How often each of ``size`` is taken in each resample; (R, size)."""
    return random.multinomial(size, np.full(max(size, 1), 1 / max(size, 1)), size=resamples)

"""Confidence intervals that respect that the cases of one patient resemble each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

import numpy as np


class Estimate(TypedDict):
    """Mean of ``n`` defined values and its 95 % interval; ``None`` where there is no value."""

    mean: float | None
    ci95: list[float | None]
    n: int


def no_estimate() -> Estimate:
    """What is estimated from no value at all."""
    return {"mean": None, "ci95": [None, None], "n": 0}


class PatientBootstrap:
    """Percentile bootstrap over patients (Efron & Tibshirani 1993, chapter 13): a drawn patient brings all its cases.

    The resamples are drawn once, so that intervals of different measures stay comparable.  They depend on the seed and
    the set of patients only, not on the order of the values.

    Args:
        patients: identifiers of all patients.
        seed: seed of the resamples.
        resamples: their number R.

    Examples:
        >>> bootstrap = PatientBootstrap(["a", "b"])
        >>> bootstrap.estimate([0.0, 1.0, 1.0, 1.0], ["a", "b", "b", "b"])
        {'mean': 0.75, 'ci95': [0.0, 1.0], 'n': 4}
    """

    def __init__(self, patients: Iterable[str], *, seed: int = 0, resamples: int = 2000) -> None:
        self._index = {patient: i for i, patient in enumerate(sorted(set(patients)))}
        patients_or_one = max(len(self._index), 1)  # nobody at all is a valid, if empty, evaluation
        uniform = np.full(patients_or_one, 1 / patients_or_one)
        # How often each patient appears in each resample, (R, patients): means become two matrix products.
        self._draws = np.random.default_rng(seed).multinomial(len(self._index), uniform, size=resamples)

    def estimate(self, values: Sequence[float], patients: Sequence[str]) -> Estimate:
        """Mean over ``values`` with its interval; ``patients`` names the patient of each value."""
        if not values:
            return no_estimate()
        owner = [self._index[patient] for patient in patients]
        sums = np.bincount(owner, weights=values, minlength=len(self._index))
        counts = np.bincount(owner, minlength=len(self._index))
        drawn = self._draws @ counts
        # A resample may miss every patient that has a value: it says nothing about the mean.
        means = (self._draws @ sums)[drawn > 0] / drawn[drawn > 0]
        low, high = np.percentile(means, [2.5, 97.5]) if means.size else (None, None)
        interval = [None if bound is None else float(bound) for bound in (low, high)]
        return {"mean": float(sums.sum() / counts.sum()), "ci95": interval, "n": len(values)}

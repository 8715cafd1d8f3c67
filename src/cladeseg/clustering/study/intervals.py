"""Intervals of a study's means: trainings and sources are both drawn anew (the pigeonhole bootstrap, Owen 2007)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cladeseg.clustering.metrics import partition_scores

_RESAMPLES = 300
_TAILS = (2.5, 97.5)


def mean_intervals(rows: pd.DataFrame, base: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """95 % intervals of the mean VI, the mean Rand and the mean VI gain over the baseline.

    Each resample takes as many trainings and as many sources as there are, with replacement; a source that is taken
    brings its objects in every training.  The same resamples are used for a method and for the baseline.

    Args:
        rows: of one method, part and zero; one a training.
        base: of the baseline, in the same trainings.

    Returns:
        ``vi_bits``, ``rand`` and ``vi_gain``, each (low, high).
    """
    names = sorted({source for held in rows["sources"] for source in held})
    pairs = [
        (_Scored(one, names), _Scored(other, names)) for one, other in zip(_records(rows), _records(base), strict=True)
    ]
    rng = np.random.default_rng(0)
    found = [_resample(pairs, names, rng) for _ in range(_RESAMPLES)]
    ends = np.nanpercentile(np.array(found), _TAILS, axis=0).T
    return {
        name: (float(low), float(high)) for name, (low, high) in zip(("vi_bits", "rand", "vi_gain"), ends, strict=True)
    }


def _records(rows: pd.DataFrame) -> list[dict[str, list[str]]]:
    return rows.sort_values("seed").to_dict("records")


class _Scored:
    """Clusters of one training, and where each object's source stands among all sources."""

    def __init__(self, row: dict[str, list[str]], names: Sequence[str]) -> None:
        self.numbers, self.labels = np.array(row["numbers"]), np.array(row["labels"])
        self.source = np.searchsorted(names, row["sources"])

    def scores(self, drawn: np.ndarray) -> tuple[float, float]:
        """VI and Rand with each source as often as it was drawn; NaN where no object was."""
        counts = drawn[self.source]
        if not counts.any():
            return np.nan, np.nan
        found = partition_scores(self.numbers, self.labels, counts=counts)
        return found["vi_bits"], found["rand"]


def _resample(pairs: list[tuple[_Scored, _Scored]], names: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """Mean VI, Rand and VI gain of one resample; (3,)."""
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)))
    trainings = rng.integers(0, len(pairs), len(pairs))
    own, base = (np.array([pairs[at][side].scores(drawn) for at in trainings]) for side in (0, 1))
    return np.nanmean(np.column_stack([own, base[:, 0] - own[:, 0]]), axis=0)

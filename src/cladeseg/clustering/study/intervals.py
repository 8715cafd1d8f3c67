"""Intervals of a study's means: trainings and sources are both drawn anew (the pigeonhole bootstrap, Owen 2007)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cladeseg.clustering.metrics import centred_interval, partition_scores

_RESAMPLES = 300
_ENDS = {"vi_bits": (0.0, np.inf), "rand": (0.0, 1.0), "vi_gain": (-np.inf, np.inf)}


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
    rng, share = np.random.default_rng(0), np.full(len(names), 1 / len(names))
    whole = _means(pairs, np.ones(len(names)))
    found = [
        _means([pairs[at] for at in rng.integers(0, len(pairs), len(pairs))], rng.multinomial(len(names), share))
        for _ in range(_RESAMPLES)
    ]
    columns = zip(_ENDS.items(), whole, np.transpose(found), strict=True)
    return {name: centred_interval(value, sampled, ends) for (name, ends), value, sampled in columns}


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


def _means(pairs: list[tuple[_Scored, _Scored]], drawn: np.ndarray) -> np.ndarray:
    """Mean VI, Rand and VI gain over trainings, with each source as often as it was drawn; (3,)."""
    own, base = (np.array([pair[side].scores(drawn) for pair in pairs]) for side in (0, 1))
    return np.asarray(np.nanmean(np.column_stack([own, base[:, 0] - own[:, 0]]), axis=0))

"""Intervals of clustering scores: a bootstrap over objects, with the clustering as it is."""

from __future__ import annotations

import numpy as np

from cladeseg.clustering.metrics.partition_scores import partition_scores
from cladeseg.statistics import Estimate

#: Scores that get an interval.
WITH_INTERVAL = ("vi_bits", "vi_split", "vi_join", "rand", "ari", "f1_join", "f1_cut")


def score_intervals(
    clusters: np.ndarray, classes: np.ndarray, *, seed: int = 0, resamples: int = 500
) -> dict[str, Estimate]:
    """Each score with its 95 % percentile interval over resampled objects.

    An object that is drawn twice is no pair with itself.  The clustering is not computed anew, so that the interval
    says how much the score depends on which objects were scored.

    Args:
        clusters: cluster of each object; (n,).
        classes: true classes; (n,).
        seed: of the resamples.
        resamples: their number.
    """
    n = len(classes)
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)
    sampled = [partition_scores(clusters, classes, counts=counts) for counts in draws]
    whole = partition_scores(clusters, classes)
    return {name: _estimate(whole[name], [one[name] for one in sampled], n) for name in WITH_INTERVAL}  # type: ignore[literal-required]


def _estimate(value: float | None, sampled: list[float | None], n: int) -> Estimate:
    defined = [one for one in sampled if one is not None]
    if value is None or not defined:
        return {"mean": value, "ci95": [None, None], "n": n}
    low, high = np.percentile(defined, [2.5, 97.5])
    return {"mean": float(value), "ci95": [float(low), float(high)], "n": n}

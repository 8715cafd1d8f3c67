"""Intervals of clustering scores: a bootstrap over objects, or over the images they were cut from.

Clusterings are taken as they are and not computed anew, so that an interval says how much a score depends on which
objects were scored.  A resample holds fewer different objects than there are, which makes its entropies too small; the
resamples are therefore shifted until their mean is the score itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cladeseg.clustering.metrics.pair_scores import PairRanking
from cladeseg.clustering.metrics.partition_scores import partition_scores
from cladeseg.statistics import Estimate

#: Scores that get an interval.
WITH_INTERVAL = ("vi_bits", "vi_split", "vi_join", "rand", "ari", "f1_join", "f1_cut")
_RESAMPLES = 500
#: Pairs times resamples at most, so that the intervals of thousands of objects stay a matter of seconds.
_WORK = 100_000_000


def object_counts(
    objects: int, groups: np.ndarray | None = None, *, seed: int = 0, resamples: int = _RESAMPLES
) -> Iterator[np.ndarray]:
    """How often each object is drawn, one resample after the other; int (objects,).

    Args:
        objects: their number.
        groups: of the objects, drawn as a whole; each object is a group of its own if ``None``.
        seed: of the resamples.
        resamples: their number.
    """
    _, place = np.unique(np.arange(objects) if groups is None else groups, return_inverse=True)
    size = int(place.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        yield rng.multinomial(size, np.full(size, 1 / size))[place]


def score_intervals(
    clusters: np.ndarray,
    classes: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> dict[str, Estimate]:
    """Each score with its 95 % percentile interval; an object that is drawn twice is no pair with itself.

    Args:
        clusters: cluster of each object; (n,).
        classes: true classes; (n,).
        weights: of all pairs, (n, n), for the interval of ``pair_auc``; without it there is none.
        groups: objects that are drawn together, such as those of one image; (n,).
        seed: of the resamples.
        resamples: their number at most.
    """
    n = len(classes)
    ranking = None if weights is None else PairRanking(weights, classes)
    rounds = int(np.clip(_WORK // max(n * n, 1), 50, resamples))
    counts = [np.ones(n), *object_counts(n, groups, seed=seed, resamples=rounds)]
    found = [_scores(clusters, classes, ranking, one) for one in counts]
    return {name: _estimate(found[0][name], [one[name] for one in found[1:]], n, _ends(name)) for name in found[0]}


def _scores(
    clusters: np.ndarray, classes: np.ndarray, ranking: PairRanking | None, counts: np.ndarray
) -> dict[str, float | None]:
    whole = partition_scores(clusters, classes, counts=counts)
    found: dict[str, float | None] = {name: whole[name] for name in WITH_INTERVAL}  # type: ignore[literal-required]
    return found if ranking is None else found | {"pair_auc": ranking.auc(counts)}


def vi_gain(
    clusters: np.ndarray,
    baseline: np.ndarray,
    classes: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> Estimate:
    """By how many bits a clustering's VI is below a baseline's, with the interval over the same objects for both.

    Args:
        clusters: cluster of each object; (n,).
        baseline: its cluster by the other method; (n,).
        classes: true classes; (n,).
        groups: objects that are drawn together; (n,).
        seed: of the resamples.
        resamples: their number.

    Examples:
        >>> truth = np.array([0, 0, 1, 1])
        >>> vi_gain(truth, np.zeros(4), truth)["mean"]
        1.0
    """
    n = len(classes)
    counts = [np.ones(n), *object_counts(n, groups, seed=seed, resamples=resamples)]
    gains = [_vi(baseline, classes, one) - _vi(clusters, classes, one) for one in counts]
    return _estimate(gains[0], gains[1:], n, (-np.inf, np.inf))


def _vi(clusters: np.ndarray, classes: np.ndarray, counts: np.ndarray) -> float:
    return partition_scores(clusters, classes, counts=counts)["vi_bits"]


def centred_interval(
    value: float, sampled: Sequence[float], ends: tuple[float, float] = (-np.inf, np.inf)
) -> tuple[float, float]:
    """2.5 and 97.5 % percentiles of resamples that are shifted to the score's value.

    Args:
        value: of all objects.
        sampled: of each resample; NaN is passed over.
        ends: least and largest value that the score can have.

    Examples:
        >>> low, high = centred_interval(0.5, [0.1, 0.2, 0.3], (0.0, 0.55))
        >>> round(low, 3), high
        (0.405, 0.55)
    """
    found = np.nanpercentile(sampled, [2.5, 97.5]) + value - np.nanmean(sampled)
    low, high = np.clip(found, *ends)
    return float(low), float(high)


def _ends(name: str) -> tuple[float, float]:
    """Of a score: entropies have no upper end, and what is measured against chance may fall below zero."""
    return (0.0, np.inf) if name.startswith("vi_") else (-1.0 if name == "ari" else 0.0, 1.0)


def _estimate(value: float | None, sampled: Sequence[float | None], n: int, ends: tuple[float, float]) -> Estimate:
    defined = [one for one in sampled if one is not None]
    if value is None or not defined:
        return {"mean": value, "ci95": [None, None], "n": n}
    return {"mean": float(value), "ci95": list(centred_interval(value, defined, ends)), "n": n}

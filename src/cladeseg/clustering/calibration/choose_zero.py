"""Chooses the zero on training classes that were left out, as if they had never been seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d

from cladeseg.clustering.calibration.centring import Zero, beside_references, centred, object_levels
from cladeseg.clustering.calibration.pair_logits import PairLogits
from cladeseg.clustering.metrics import partition_scores
from cladeseg.clustering.multicut import Multicut, cluster

MEAN_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Tried beside none, with the best share of the mean.
SPREAD_SHARE = 0.2
BIASES = tuple(np.round(np.arange(-2.0, 2.01, 0.2), 2).tolist())
#: Of the levels beside references.
REFERENCE_SHARES = (0.0, 0.25, 0.5, 0.75)
#: Neighbouring biases that a bias is judged with: on new classes the zero lies a little elsewhere.
_TOLERANCE = 3


@dataclass(frozen=True)
class Batch:
    """Objects of classes that the models behind the logits have not seen.

    Attributes:
        logits: of n objects.
        classes: (n,).
    """

    logits: PairLogits
    classes: np.ndarray


@dataclass(frozen=True)
class ChosenZero:
    """A zero and what it gave where it was chosen.

    Attributes:
        zero: to be used from now on.
        vi_bits: mean over the batches.
        rand: mean over the batches.
        batches: their number.
    """

    zero: Zero
    vi_bits: float
    rand: float
    batches: int


def draw_batches(
    logits: PairLogits, classes: np.ndarray, *, number: int, rng: np.random.Generator, most: int = 60
) -> list[Batch]:
    """Batches of one, two and more of the classes at hand, with all of their objects or some.

    Args:
        logits: of n objects of classes that were left out.
        classes: (n,).
        number: of batches.
        rng: draws classes and objects.
        most: objects of a batch.
    """
    names = np.unique(classes)
    batches = []
    for turn in range(number):
        kinds = rng.choice(names, 1 + turn % names.size, replace=False)
        members = np.flatnonzero(np.isin(classes, kinds))
        size = members.size if turn // names.size % 2 == 0 else rng.integers(min(4, members.size), members.size + 1)
        members = np.sort(rng.choice(members, min(int(size), most), replace=False))
        batches.append(Batch(logits.subset(members), classes[members]))
    return batches


def choose_zero(batches: Sequence[Batch], *, centre: bool = True) -> ChosenZero:
    """The zero around which the mean variation of information is least; beside references, the one with fewest errors.

    Many zeros are equally good where classes are easy.  A zero is therefore judged with those within 0.2 spreads of it,
    so that the middle of the widest range of good ones is taken.

    Args:
        batches: at least one, of three objects or more.
        centre: whether objects' levels are removed and shares are chosen; otherwise the bias alone.
    """
    start = _measured(batches, centre)
    if not centre:
        return _chosen(batches, _best_bias(batches, start))
    start = _with_references(batches, start)
    found = min((_best_bias(batches, replace(start, mean_share=share)) for share in MEAN_SHARES), key=_tolerant)
    spread = _best_bias(batches, replace(found.zero, spread_share=SPREAD_SHARE))
    return _chosen(batches, min((found, spread), key=_tolerant))


class _Tried(NamedTuple):
    tolerant: float
    vi_bits: float
    rand: float
    zero: Zero


def _chosen(batches: Sequence[Batch], tried: _Tried) -> ChosenZero:
    return ChosenZero(tried.zero, tried.vi_bits, tried.rand, len(batches))


def _best_bias(batches: Sequence[Batch], zero: Zero) -> _Tried:
    """A zero with the bias that is best together with its neighbours."""
    options = [replace(zero, bias=bias) for bias in BIASES]
    scores = np.array([_mean_scores(batches, option) for option in options])
    tolerant = uniform_filter1d(scores[:, 0], _TOLERANCE, mode="nearest")
    place = _middle_of_best(tolerant)
    return _Tried(float(tolerant[place]), float(scores[place, 0]), float(scores[place, 1]), options[place])


def _with_references(batches: Sequence[Batch], zero: Zero) -> Zero:
    """The share of the levels, and the threshold, by which pairs are told apart best beside references."""
    held = [(batch.logits.pairs, batch.logits.levels, batch.classes) for batch in batches]
    known = [(pairs, levels, classes) for pairs, levels, classes in held if levels is not None]
    if not known:
        return zero
    same = np.concatenate([_of_pairs(classes[:, None] == classes) for _, _, classes in known])
    options = {
        share: best_pair_threshold(
            np.concatenate([_of_pairs(beside_references(pairs, levels, share)) for pairs, levels, _ in known]), same
        )
        for share in REFERENCE_SHARES
    }
    share = min(options, key=lambda one: options[one][1])
    return replace(zero, reference_share=share, reference_threshold=options[share][0])


def _of_pairs(matrix: np.ndarray) -> np.ndarray:
    return np.asarray(matrix[np.triu_indices(len(matrix), 1)])


def best_pair_threshold(logits: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """Between pairs of one kind and of two, where both are mistaken least often; judged with its neighbours.

    Args:
        logits: (E,).
        same: whether the two are of one kind; bool (E,).

    Returns:
        The threshold, and the mean of the two shares of mistakes there.

    Examples:
        >>> best_pair_threshold(np.array([-3.0, -2.0, 1.0, 2.0]), np.array([False, False, True, True]))[1]
        0.0
    """
    places = np.unique(np.quantile(logits, np.linspace(0.01, 0.99, 99)))
    cut, joined = np.sort(logits[same]), np.sort(logits[~same])
    too_few = np.searchsorted(cut, places, side="right") / max(cut.size, 1)
    too_many = 1 - np.searchsorted(joined, places, side="right") / max(joined.size, 1)
    errors = uniform_filter1d((too_few + too_many) / 2, _TOLERANCE, mode="nearest")
    place = _middle_of_best(errors)
    return float(places[place]), float(errors[place])


def _tolerant(tried: _Tried) -> float:
    return tried.tolerant


def _measured(batches: Sequence[Batch], centre: bool) -> Zero:
    """Scale and range of the batches' means."""
    means = [object_levels(batch.logits.pairs, np.inf)[1] for batch in batches]
    spreads = [_of_pairs(batch.logits.pairs).std() for batch in batches if len(batch.classes) > 2]
    scale = float(np.mean(spreads)) if spreads and np.mean(spreads) > 0 else 1.0
    return Zero(centre=centre, scale=scale, lowest=float(np.nanmin(means)), highest=float(np.nanmax(means)))


def _mean_scores(batches: Sequence[Batch], zero: Zero) -> tuple[float, float]:
    found = [partition_scores(clusters_of(batch.logits, zero), batch.classes) for batch in batches]
    return float(np.mean([one["vi_bits"] for one in found])), float(np.mean([one["rand"] for one in found]))


def clusters_of(logits: PairLogits, zero: Zero) -> np.ndarray:
    """Clusters of a batch by local search; (n,)."""
    return cluster(Multicut.from_matrix(centred(logits, zero)))


def _middle_of_best(scores: np.ndarray) -> int:
    """Index in the middle of the run of least scores around the first of them, within 0.001 bits."""
    good = scores <= scores.min() + 0.001
    first = int(scores.argmin())
    begin, end = first, first
    while begin > 0 and good[begin - 1]:
        begin -= 1
    while end + 1 < len(good) and good[end + 1]:
        end += 1
    return (begin + end) // 2

"""Logits of pairs → weights of a clustering: what makes an object look like everything is removed, the zero is set.

On classes that no training saw the order of the pairs stays good while their zero moves, and some objects look like
everything.  The logits of the objects at hand are therefore centred over these objects, and the zero is set relative to
their mean, as training classes that were left out showed it to be best.

Two objects say nothing about their own levels, and a few say little.  So there is a second judge: levels are read off
references, objects that training kept.  The more objects there are at hand, the more the first one counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cladeseg.clustering.calibration.pair_logits import PairLogits


@dataclass(frozen=True)
class Zero:
    """Where joining ends and cutting begins.

    The threshold is ``bias · scale + mean_share · mean + spread_share · spread``, with the mean and the spread of the
    batch's logits after centring.  Beside references it is ``reference_threshold``, once ``reference_share`` of the
    objects' levels is removed.  Of n objects the batch counts (n − 2) / (n − 2 + prior_objects), references the rest.

    Attributes:
        centre: whether objects' own levels are removed.
        bias: in units of ``scale``.
        mean_share: how far the threshold follows the batch's mean; 1 is double centring.
        spread_share: the same for its standard deviation.
        scale: mean standard deviation of the training's batches.
        lowest: of the means of the training's batches; what lies outside is taken for the nearer end.
        highest: of the same.
        prior_objects: an object's level counts n / (n + prior_objects) of n objects at hand.
        reference_share: of an object's level beside references.
        reference_threshold: logit above which two objects are joined, if they have nothing but references beside them.
    """

    centre: bool = True
    bias: float = 0.0
    mean_share: float = 0.0
    spread_share: float = 0.0
    scale: float = 1.0
    lowest: float = -1e9
    highest: float = 1e9
    prior_objects: float = 3.0
    reference_share: float = 0.0
    reference_threshold: float = 0.0


#: What is said of logits whose zero nothing has moved.
RAW = Zero(centre=False)


def centred(logits: PairLogits, zero: Zero) -> np.ndarray:
    """Weights of the clustering of a batch; above zero for pairs to be joined.

    Two objects have no levels of their own that could be read off their similarity: there, references alone count.

    Args:
        logits: of n objects.
        zero: how.

    Returns:
        float (n, n), zero on the diagonal.

    Examples:
        >>> pairs = np.array([[0.0, 2.0, -1.0], [2.0, 0.0, -1.0], [-1.0, -1.0, 0.0]])
        >>> bool((centred(PairLogits(pairs), RAW) == pairs).all())
        True
    """
    weights = _by_the_batch(logits.pairs, zero)
    if zero.centre and logits.levels is not None:
        own = _own_share(len(weights), zero.prior_objects)
        moved = beside_references(logits.pairs, logits.levels, zero.reference_share)
        weights = own * weights + (1 - own) * (moved - zero.reference_threshold)
    np.fill_diagonal(weights, 0.0)
    return weights


def beside_references(pairs: np.ndarray, levels: np.ndarray, share: float) -> np.ndarray:
    """Logits without a share of each object's level beside references; (n, n)."""
    return np.asarray(pairs, dtype=float) - share * (levels[:, None] + levels)


def _own_share(n: int, prior_objects: float) -> float:
    """How far n objects are judged by each other alone."""
    others = max(n - 2, 0)
    return others / (others + prior_objects) if prior_objects > 0 else 1.0


def _by_the_batch(logits: np.ndarray, zero: Zero) -> np.ndarray:
    levels, mean = object_levels(logits, zero.prior_objects if zero.centre else np.inf)
    moved = np.asarray(logits, dtype=float) - levels[:, None] - levels
    held = float(np.clip(mean, zero.lowest, zero.highest)) if np.isfinite(mean) else 0.0
    spread = _spread(moved) if zero.spread_share else 0.0
    return moved - (zero.bias * zero.scale + zero.mean_share * held + zero.spread_share * spread)


def object_levels(logits: np.ndarray, prior_objects: float) -> tuple[np.ndarray, float]:
    """How much more alike to all others each object is than the mean, shrunk, (n,); and the mean of all pairs."""
    n = len(logits)
    if n < 2:
        return np.zeros(n), np.nan
    off = np.asarray(logits, dtype=float) - np.diag(np.diag(logits))
    mean = off.sum() / (n * (n - 1))
    if n < 3 or np.isinf(prior_objects):
        return np.zeros(n), mean
    # The least-squares fit of mean + level_i + level_j to the pairs.
    levels = (off.sum(axis=1) / (n - 1) - mean) * (n - 1) / (n - 2)
    return levels * n / (n + prior_objects), mean


def _spread(moved: np.ndarray) -> float:
    rows, columns = np.triu_indices(len(moved), 1)
    return float(moved[rows, columns].std()) if rows.size > 1 else 0.0

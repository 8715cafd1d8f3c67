"""Logits of pairs → weights of a clustering: what makes an object look like everything is removed, the zero is set.

On classes that no training saw the order of the pairs stays good while their zero moves, and some objects look like
everything.  The logits of the objects at hand are therefore centred over these objects, and the zero is set relative to
their mean, as training classes that were left out showed it to be best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Zero:
    """Where joining ends and cutting begins.

    The threshold is ``bias · scale + mean_share · mean + spread_share · spread``, with the mean and the spread of the
    batch's logits after centring.

    Attributes:
        centre: whether objects' own levels are removed.
        bias: in units of ``scale``.
        mean_share: how far the threshold follows the batch's mean; 1 is double centring.
        spread_share: the same for its standard deviation.
        scale: mean standard deviation of the training's batches.
        lowest: of the means of the training's batches; what lies outside is taken for the nearer end.
        highest: of the same.
        prior_objects: an object's level counts n / (n + prior_objects) of n objects at hand.
    """

    centre: bool = True
    bias: float = 0.0
    mean_share: float = 0.0
    spread_share: float = 0.0
    scale: float = 1.0
    lowest: float = -1e9
    highest: float = 1e9
    prior_objects: float = 3.0


#: What is said of logits whose zero nothing has moved.
RAW = Zero(centre=False)


def centred(logits: np.ndarray, zero: Zero) -> np.ndarray:
    """Weights of the clustering of a batch; above zero for pairs to be joined.

    Two objects have no levels of their own that could be read off their similarity, so nothing is removed there.

    Args:
        logits: (n, n), symmetric; the diagonal is ignored.
        zero: how.

    Returns:
        float (n, n), zero on the diagonal.

    Examples:
        >>> logits = np.array([[0.0, 2.0, -1.0], [2.0, 0.0, -1.0], [-1.0, -1.0, 0.0]])
        >>> bool((centred(logits, RAW) == logits).all())
        True
    """
    levels, mean = object_levels(logits, zero.prior_objects if zero.centre else np.inf)
    moved = np.asarray(logits, dtype=float) - levels[:, None] - levels
    held = float(np.clip(mean, zero.lowest, zero.highest)) if np.isfinite(mean) else 0.0
    spread = _spread(moved) if zero.spread_share else 0.0
    moved -= zero.bias * zero.scale + zero.mean_share * held + zero.spread_share * spread
    np.fill_diagonal(moved, 0.0)
    return moved


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

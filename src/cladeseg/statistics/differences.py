"""How much better one series of scores is than another: paired differences, and intervals over draws and patients.

Scores are paired by their place in the arrays: what makes a case or a draw hard hits both and falls out of the
difference.  What is left of it differs between draws more than between patients; so intervals resample both, see
:class:`~cladeseg.statistics.crossed_bootstrap.CrossedBootstrap`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cladeseg.statistics.bootstrap import Estimate
from cladeseg.statistics.crossed_bootstrap import CrossedBootstrap


def mean_score(values: ArrayLike, *, draws: ArrayLike, patients: ArrayLike) -> Estimate:
    """Mean of scores (K,) with its 95 % interval over draws and patients.

    Examples:
        >>> mean_score([0.5, 0.5, 1.0, 1.0], draws=[0, 0, 1, 1], patients=["a", "b", "a", "b"])
        {'mean': 0.75, 'ci95': [0.5, 1.0], 'n': 4}
    """
    return CrossedBootstrap(draws, patients).mean(values)


def paired_difference(one: ArrayLike, other: ArrayLike, *, draws: ArrayLike, patients: ArrayLike) -> Estimate:
    """Mean of ``one - other`` with its 95 % interval over draws and patients.

    Args:
        one: scores; (K,).
        other: scores that they are paired with; (K,).
        draws: draw of each pair; (K,).
        patients: patient of each pair; (K,).

    Examples:
        >>> paired_difference([0.75, 1.0], [0.5, 0.5], draws=[0, 0], patients=["a", "b"])
        {'mean': 0.375, 'ci95': [0.25, 0.5], 'n': 2}
    """
    return CrossedBootstrap(draws, patients).mean(_minus(one, other))


def gap_closed(
    scores: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, draws: ArrayLike, patients: ArrayLike
) -> Estimate:
    """Share of the gap between two series that a third closes: Σ(scores − lower) / Σ(upper − lower).

    Where the gap is not above zero there is no share of it: in the data the result is then ``None``, and with more than
    2.5 % of the resamples so, its interval is.

    Args:
        scores: the third; (K,).
        lower: e.g. of few labels; (K,).
        upper: e.g. of full supervision; (K,).
        draws: draw of each triple; (K,).
        patients: patient of each triple; (K,).

    Examples:
        >>> found = gap_closed([0.75, 0.75], [0.5, 0.5], [1.0, 1.0], draws=[0, 0], patients=["a", "b"])
        >>> found["mean"]
        0.5
    """
    return CrossedBootstrap(draws, patients).ratio(_minus(scores, lower), _minus(upper, lower))


def relative_score(one: ArrayLike, other: ArrayLike, *, draws: ArrayLike, patients: ArrayLike) -> Estimate:
    """Mean of ``one`` as a share of the mean of ``other``, with its 95 % interval over draws and patients.

    Examples:
        >>> relative_score([0.5, 0.25], [1.0, 0.5], draws=[0, 0], patients=["a", "b"])["mean"]
        0.5
    """
    return CrossedBootstrap(draws, patients).ratio(one, other)


def draw_means(values: ArrayLike, draws: ArrayLike) -> np.ndarray:
    """Mean of each draw, in the order of the sorted draws.

    Examples:
        >>> draw_means([0.5, 1.0, 0.25], draws=[0, 0, 1]).tolist()
        [0.75, 0.25]
    """
    _, index = np.unique(np.asarray(draws), return_inverse=True)
    return np.bincount(index, weights=np.asarray(values, dtype=float)) / np.bincount(index)


def draws_won(one: ArrayLike, other: ArrayLike, *, draws: ArrayLike) -> tuple[int, int]:
    """In how many draws the mean of ``one - other`` is above zero, and how many draws there are.

    Examples:
        >>> draws_won([0.75, 0.25], [0.5, 0.5], draws=[0, 1])
        (1, 2)
    """
    means = draw_means(_minus(one, other), draws)
    return int((means > 0).sum()), means.size


def worst_relative_draw(one: ArrayLike, other: ArrayLike, *, draws: ArrayLike) -> float | None:
    """Lowest over the draws of the mean of ``one`` as a share of that of ``other``; ``None`` without a pair.

    Examples:
        >>> worst_relative_draw([0.5, 0.75], [1.0, 1.0], draws=[0, 1])
        0.5
    """
    left, right = draw_means(one, draws), draw_means(other, draws)
    return float((left[right > 0] / right[right > 0]).min()) if (right > 0).any() else None


def _minus(one: ArrayLike, other: ArrayLike) -> np.ndarray:
    return np.asarray(one, dtype=float) - np.asarray(other, dtype=float)

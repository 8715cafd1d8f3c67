"""How much better one method is than another: paired differences, and intervals over draws and patients.

Two methods are compared on the same (draw, seed, case): what makes a case or a draw hard hits both and falls out of the
difference.  What is left of it differs between draws of the fine patients more than between scored patients; so
intervals resample both, see :class:`~cladeseg.statistics.crossed_bootstrap.CrossedBootstrap`.
"""

from __future__ import annotations

from cladeseg.statistics.bootstrap import Estimate
from cladeseg.statistics.crossed_bootstrap import RESAMPLES, CrossedBootstrap
from cladeseg.statistics.paired import MethodScores, Scores, differences, draw_means, paired


def mean_score(cell: MethodScores, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Mean over draws, seeds and cases with its 95 % interval over draws and patients.

    Args:
        cell: the scores.
        seed: of the bootstrap.
        resamples: number of its resamples.
    """
    return CrossedBootstrap(cell.scores, cell.patients, seed=seed, resamples=resamples).mean(cell.scores)


def paired_difference(one: MethodScores, other: MethodScores, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Mean of ``one - other`` over their pairs with its 95 % interval over draws and patients.

    Args:
        one: a cell.
        other: another; see :func:`~cladeseg.statistics.paired.paired` for what is a pair.
        seed: of the bootstrap.
        resamples: number of its resamples.
    """
    found = differences(one, other)
    return CrossedBootstrap(found, {**other.patients, **one.patients}, seed=seed, resamples=resamples).mean(found)


def draws_won(one: MethodScores, other: MethodScores) -> tuple[int, int]:
    """In how many draws the mean of ``one - other`` is above zero, and how many draws there are."""
    means = draw_means(differences(one, other)).values()
    return sum(mean > 0 for mean in means), len(means)


def gap_closed(
    ours: MethodScores, lower: MethodScores, upper: MethodScores, *, seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """Share of the gap between two methods that a third closes: sum(ours - lower) / sum(upper - lower).

    Both sums run over the (draw, seed, case) that all three have.  Where the gap is not above zero there is no share
    of it: in the data the result is then ``None``, and with more than 2.5 % of the resamples so, its interval is.

    Args:
        ours: the third.
        lower: e.g. fine labels only.
        upper: e.g. full supervision.
        seed: of the bootstrap.
        resamples: number of its resamples.
    """
    gains, gaps = differences(ours, lower), differences(upper, lower)
    gains, gaps = _common(gains, gaps)
    return CrossedBootstrap(gains, ours.patients, seed=seed, resamples=resamples).ratio(gains, gaps)


def relative_score(one: MethodScores, other: MethodScores, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Mean of ``one`` as a share of the mean of ``other`` over their pairs, with its 95 % interval.

    Args:
        one: a cell.
        other: e.g. converged full supervision.
        seed: of the bootstrap.
        resamples: number of its resamples.
    """
    left, right = paired(one, other)
    return CrossedBootstrap(left, one.patients, seed=seed, resamples=resamples).ratio(left, right)


def worst_relative_draw(one: MethodScores, other: MethodScores) -> float | None:
    """Lowest over the draws of the mean of ``one`` as a share of that of ``other``; ``None`` without a pair."""
    left, right = (draw_means(scores) for scores in paired(one, other))
    return min((mean / right[draw] for draw, mean in left.items() if right[draw] > 0), default=None)


def _common(one: Scores, other: Scores) -> tuple[Scores, Scores]:
    keys = [key for key in one if key in other]
    return {key: one[key] for key in keys}, {key: other[key] for key in keys}

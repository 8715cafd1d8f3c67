"""The partial quadratic assignment of key points: objective and similarity (arXiv 2403.13376)."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np

from cladeseg.clustering.objects import KeyPoints

UNASSIGNED = -1
_OPPOSITE = 1e-9  # degrees by which rounding may move an opposite place


@dataclass(frozen=True)
class PqapParameters:
    """The five parameters; the defaults were learnt by the paper's authors on Train-100.

    Attributes:
        value_gain: g_c, difference of peak heights at which a match is worth nothing.
        radius_gain: g_d, the same of radii.
        angle_gain: g_a, the same of relative angles, in half turns.
        value_share: θ, weight of heights against radii.
        angle_share: λ, weight of angles against both.
    """

    value_gain: float = 0.229732
    radius_gain: float = 0.325607
    angle_gain: float = 0.041533
    value_share: float = 0.106945
    angle_share: float = 0.1

    @property
    def ideal(self) -> float:
        """Objective of an object compared with itself; below zero."""
        gain = self.value_share * self.value_gain + (1 - self.value_share) * self.radius_gain
        return -(1 - self.angle_share) * gain - self.angle_share * self.angle_gain

    def as_array(self) -> np.ndarray:
        """The five values in the order of their definition."""
        return np.array(astuple(self))


class ChannelCosts(NamedTuple):
    """What matching the points of one channel costs; only points of one channel are matched.

    Attributes:
        left: indices of features; (n,).
        right: indices of candidates; (m,).
        single: cost of each match by height and radius; (n, m).
        turn: angle between the two points in degrees, in [0, 360); (n, m).
    """

    left: np.ndarray
    right: np.ndarray
    single: np.ndarray
    turn: np.ndarray


def angular_distance(degrees: np.ndarray) -> np.ndarray:
    """Distance on the circle in degrees, in [0, 180].

    Examples:
        >>> angular_distance(np.array([-10.0, 350.0, 180.0])).tolist()
        [10.0, 10.0, 180.0]
    """
    wrapped = np.abs(degrees) % 360
    return np.minimum(wrapped, 360 - wrapped)


def channel_costs(features: KeyPoints, candidates: KeyPoints, parameters: PqapParameters) -> list[ChannelCosts]:
    """The costs of all possible matches, for each channel that both have."""
    found = []
    for channel in np.intersect1d(features.channel, candidates.channel):
        left, right = np.flatnonzero(features.channel == channel), np.flatnonzero(candidates.channel == channel)
        heights = np.abs(features.value[left, None] - candidates.value[right]) - parameters.value_gain
        radii = np.abs(features.radius[left, None] - candidates.radius[right]) - parameters.radius_gain
        single = parameters.value_share * heights + (1 - parameters.value_share) * radii
        turn = (features.angle[left, None] - candidates.angle[right]) % 360
        found.append(ChannelCosts(left, right, single, turn))
    return found


def similarity(
    features: KeyPoints, candidates: KeyPoints, assignment: np.ndarray, parameters: PqapParameters | None = None
) -> float:
    """Objective of an assignment over the ideal one; 1 for an object and itself, 0 for nothing assigned.

    Args:
        features: n points of the left object.
        candidates: points of the right object.
        assignment: candidate of each feature, -1 for none; int (n,).
        parameters: the paper's if ``None``.

    Examples:
        >>> points = KeyPoints(angle=[0, 90], channel=[0, 1], radius=[0.5, 0.25], value=[1, 0.5])
        >>> round(similarity(points, points, np.array([0, 1])), 6), similarity(points, points, np.array([-1, -1]))
        (1.0, 0.0)
    """
    parameters = parameters or PqapParameters()
    left = np.flatnonzero(assignment != UNASSIGNED)
    right = assignment[left]
    if not left.size:
        return 0.0
    heights = np.abs(features.value[left] - candidates.value[right]) - parameters.value_gain
    radii = np.abs(features.radius[left] - candidates.radius[right]) - parameters.radius_gain
    single = float((parameters.value_share * heights + (1 - parameters.value_share) * radii).sum())
    turns = features.angle[left] - candidates.angle[right]
    return _similarity(single, turns, features.count, parameters)


def _similarity(single: float, turns: np.ndarray, count: int, parameters: PqapParameters) -> float:
    """Sum over single matches and over pairs of them, each over its number."""
    pairs = count * (count - 1) / 2
    matched = turns.size * (turns.size - 1) / 2
    quadratic = sum_of_distances(turns) / 180 - parameters.angle_gain * matched
    cost = (1 - parameters.angle_share) * single / count
    if pairs:
        cost += parameters.angle_share * quadratic / pairs
    ideal = parameters.ideal if pairs else parameters.ideal + parameters.angle_share * parameters.angle_gain
    return cost / ideal


def sum_of_distances(degrees: np.ndarray) -> float:
    """Sum over all pairs of the distances on the circle, without looking at each pair.

    Of two places one lies at most half a turn ahead of the other.  In sorted order those ahead of a place are a run,
    whose sum is a difference of cumulated sums.  Opposite places are ahead of each other and count half each way.

    Args:
        degrees: (n,).

    Examples:
        >>> sum_of_distances(np.array([0.0, 10.0, 190.0]))
        360.0
    """
    places = np.sort(degrees % 360)
    ahead = np.concatenate([places, places + 360])
    sums = np.concatenate([[0.0], np.cumsum(ahead)])
    begin = np.arange(1, places.size + 1)
    total = 0.0
    for side in (-_OPPOSITE, _OPPOSITE):
        end = np.searchsorted(ahead, places + 180 + side)
        total += float((sums[end] - sums[begin] - (end - begin) * places).sum())
    return total / 2

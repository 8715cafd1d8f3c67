"""Solves the partial quadratic assignment: a sweep of rotations, linear assignments, then re-linearisation.

For a fixed rotation the quadratic cost becomes a linear one, and each channel a linear assignment problem.  The best
rotations are improved by the cost's linearisation at the assignment found.  That depends on a match by its turn alone,
so it is tabulated on a ring of half degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import linear_sum_assignment

from cladeseg.clustering.objects import KeyPoints
from cladeseg.clustering.pqap.objective import (
    UNASSIGNED,
    ChannelCosts,
    PqapParameters,
    angular_distance,
    channel_costs,
    similarity,
)

#: Parts of a full turn in tables; the objective itself is computed without rounding.
_RING = 720


@dataclass(frozen=True)
class SolverEffort:
    """How thoroughly an assignment is looked for.

    Attributes:
        rotations: of the sweep, over the full turn.
        kept: rotations that are solved, those with the best bound.
        improvements: linearisations at most of each.
    """

    rotations: int = 18
    kept: int = 3
    improvements: int = 5


@dataclass(frozen=True)
class Match:
    """An assignment and what it is worth.

    Attributes:
        similarity: in [0, 1].
        assignment: candidate of each feature, -1 for none; int (n,).
    """

    similarity: float
    assignment: np.ndarray


def solve(
    features: KeyPoints,
    candidates: KeyPoints,
    parameters: PqapParameters | None = None,
    effort: SolverEffort | None = None,
) -> Match:
    """Assign the features of the left object to candidates of the right one.

    Args:
        features: n points.
        candidates: m points.
        parameters: the paper's if ``None``.
        effort: a local optimum is found; more effort finds better ones.

    Examples:
        >>> points = KeyPoints(angle=[0, 90, 200], channel=[0, 1, 1], radius=[0.5, 0.25, 0.7], value=[1, 0.5, 0.1])
        >>> solve(points, points).assignment.tolist()
        [0, 1, 2]
    """
    parameters, effort = parameters or PqapParameters(), effort or SolverEffort()
    nothing = Match(0.0, np.full(features.count, UNASSIGNED))
    problem = _Problem(features, candidates, parameters)
    if not problem.blocks:
        return nothing
    starts = problem.sweep(effort.rotations)[: effort.kept]
    found = [problem.improved(problem.assign(costs), effort.improvements) for costs in starts]
    return max([nothing, *found], key=_by_similarity)


def _by_similarity(match: Match) -> float:
    return match.similarity


class _Problem:
    def __init__(self, features: KeyPoints, candidates: KeyPoints, parameters: PqapParameters) -> None:
        self.features, self.candidates, self.parameters = features, candidates, parameters
        self.blocks: list[ChannelCosts] = channel_costs(features, candidates, parameters)
        self.single = [((1 - parameters.angle_share) * block.single).astype(np.float32) for block in self.blocks]
        self.places = [_place(block.turn) for block in self.blocks]

    def sweep(self, rotations: int) -> list[list[np.ndarray]]:
        """Linear costs for each rotation, the most promising first: a channel's best matches bound its assignment."""
        shifts = np.arange(rotations) * _RING // rotations
        scored = []
        for shift in shifts:
            ring = self.parameters.angle_share * (_distances()[shift] - self.parameters.angle_gain)
            costs = self._linear(ring.astype(np.float32))
            scored.append((sum(float(np.minimum(cost.min(axis=1), 0).sum()) for cost in costs), int(shift), costs))
        return [costs for _, _, costs in sorted(scored, key=_bound)]

    def _linear(self, ring: np.ndarray) -> list[np.ndarray]:
        return [single + ring[place] for single, place in zip(self.single, self.places, strict=True)]

    def assign(self, costs: list[np.ndarray]) -> Match:
        """The cheapest assignment; a match that costs more than nothing is left out."""
        assignment = np.full(self.features.count, UNASSIGNED)
        for block, cost in zip(self.blocks, costs, strict=True):
            rows, columns = linear_sum_assignment(np.minimum(cost, 0))
            useful = cost[rows, columns] < 0
            assignment[block.left[rows[useful]]] = block.right[columns[useful]]
        return Match(similarity(self.features, self.candidates, assignment, self.parameters), assignment)

    def improved(self, match: Match, steps: int) -> Match:
        """Linearise at the assignment and solve again while that helps."""
        for _ in range(steps):
            better = self.assign(self._linear(self._slope(match.assignment)))
            if better.similarity <= match.similarity:
                break
            match = better
        return match

    def _slope(self, assignment: np.ndarray) -> np.ndarray:
        """What a further match costs by its turn, given those that there are; float (720,)."""
        left = np.flatnonzero(assignment != UNASSIGNED)
        turns = self.features.angle[left] - self.candidates.angle[assignment[left]]
        held = np.bincount(_place(turns), minlength=_RING)
        pairs = max(self.features.count - 1, 1) / 2  # per feature, as the costs of single matches are
        distances = np.fft.irfft(_spectrum() * np.fft.rfft(held), _RING)  # to all turns that there are
        slope = (distances - self.parameters.angle_gain * left.size) / pairs
        return (self.parameters.angle_share * slope).astype(np.float32)


def _bound(scored: tuple[float, int, list[np.ndarray]]) -> tuple[float, int]:
    return scored[:2]


def _place(degrees: np.ndarray) -> np.ndarray:
    return np.rint(degrees * (_RING / 360)).astype(np.int32) % _RING


@cache
def _distances() -> np.ndarray:
    """Distance in half turns between any two places of the ring; (720, 720)."""
    places = np.arange(_RING) * (360 / _RING)
    return angular_distance(places[:, None] - places) / 180


@cache
def _spectrum() -> np.ndarray:
    """Fourier transform of the distances: their sums over many places are a circular convolution; complex (361,)."""
    return np.fft.rfft(_distances()[0])

"""k-medoids: the k members of a set that lie nearest to all the others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations, islice

import numpy as np

#: Up to this many sets of medoids are all tried; above it, build and swap finds a set that no swap betters.
EXHAUSTIVE = 50_000
_BATCH = 1024
#: A swap must gain more than this share of the cost: rounding must not keep it going for ever.
_GAIN = 1e-12


def k_medoids(
    distances: np.ndarray,
    k: int,
    *,
    groups: Sequence[int] | None = None,
    weights: np.ndarray | None = None,
    covered: np.ndarray | None = None,
    exhaustive: int = EXHAUSTIVE,
) -> list[int]:
    """Choose ``k`` members M that minimise Σ_j w_j · min(c_j, min over m in M of d(m, j)).

    Exact where there are few sets to choose from; else PAM (Kaufman and Rousseeuw, Finding Groups in Data, 1990,
    chapter 2): *build* adds the member that lowers the sum most, one after the other, then *swap* exchanges a chosen
    member for another one as long as that lowers it.  Nothing is random; of equals the first is taken.

    Args:
        distances: (n, n), d(m, j) ≥ 0.
        k: how many.
        groups: (n,) at most one member of each group is chosen, none of a negative one; each is its own if ``None``.
        weights: (n,) w_j ≥ 0; 1 if ``None``.
        covered: (n,) c_j, the distance to what is chosen already; infinite if ``None``.
        exhaustive: the largest number of sets that are all tried.

    Returns:
        Their indices, ascending.

    Raises:
        ValueError: ``k`` is below 1 or above the number of groups, or the distances are not square.

    Example:
        >>> places = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
        >>> k_medoids(abs(places[:, None] - places), 2)
        [1, 4]
    """
    n = len(distances)
    if distances.shape != (n, n):
        raise ValueError(f"distances: should be square, not {distances.shape}")
    group = np.arange(n) if groups is None else np.asarray(groups)
    available = len(set(group[group >= 0].tolist()))
    if not 1 <= k <= available:
        raise ValueError(f"k: {k} medoids asked for, {available} can be chosen")
    problem = _Problem(
        np.asarray(distances, dtype=np.float64),
        group,
        np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64),
        np.full(n, np.inf) if covered is None else np.asarray(covered, dtype=np.float64),
    )
    few = math.comb(int(np.count_nonzero(group >= 0)), k) <= exhaustive
    return sorted(problem.best_of_all(k) if few else problem.swapped(problem.built(k)))


def nearest_medoid(distances: np.ndarray, medoids: Sequence[int]) -> np.ndarray:
    """Position in ``medoids`` of each member's nearest one, the first of equals; int (n,).

    Args:
        distances: (n, n).
        medoids: indices.
    """
    return np.argmin(np.asarray(distances)[list(medoids)], axis=0)


class _Problem:
    def __init__(self, distances: np.ndarray, group: np.ndarray, weights: np.ndarray, covered: np.ndarray) -> None:
        self.distances = distances
        self.group = group
        self.weights = weights
        self.covered = covered

    def best_of_all(self, k: int) -> list[int]:
        """The cheapest of all sets."""
        best: list[int] = []
        least = np.inf
        sets = (s for s in combinations(self._free(()), k) if len({self.group[m] for m in s}) == k)
        while batch := list(islice(sets, _BATCH)):
            nearest = np.minimum(self.distances[np.array(batch)].min(axis=1), self.covered)
            costs = nearest @ self.weights
            if costs.min() < least:
                best, least = list(batch[int(costs.argmin())]), float(costs.min())
        return best

    def built(self, k: int) -> list[int]:
        """A first set, the best next member at a time."""
        chosen: list[int] = []
        for _ in range(k):
            free = self._free(chosen)
            chosen.append(free[int(self._costs(chosen, free).argmin())])
        return chosen

    def swapped(self, chosen: list[int]) -> list[int]:
        """The set after every exchange of one member that lowers the cost, the best one first."""
        least = self._cost(chosen)
        while True:
            swaps = [self._best_swap(chosen, place) for place in range(len(chosen))]
            cost, better = min(swaps, key=lambda swap: swap[0])
            if not cost < least * (1 - _GAIN):
                return chosen
            chosen, least = better, cost

    def _best_swap(self, chosen: list[int], place: int) -> tuple[float, list[int]]:
        """The cheapest set, with its cost, that has another member at one place."""
        kept = chosen[:place] + chosen[place + 1 :]
        free = self._free(kept)
        costs = self._costs(kept, free)
        return float(costs.min()), [*chosen[:place], free[int(costs.argmin())], *chosen[place + 1 :]]

    def _cost(self, chosen: Sequence[int]) -> float:
        return float(self._costs(chosen[:-1], [chosen[-1]])[0])

    def _costs(self, kept: Sequence[int], candidates: Sequence[int]) -> np.ndarray:
        """Cost of ``kept`` with each of the candidates; (candidates,)."""
        nearest = np.minimum(self.covered, self.distances[list(kept)].min(axis=0, initial=np.inf))
        return np.array([np.minimum(nearest, self.distances[m]) @ self.weights for m in candidates])

    def _free(self, chosen: Iterable[int]) -> list[int]:
        """Members that may join the chosen ones."""
        taken = {int(self.group[m]) for m in chosen}
        return [m for m, group in enumerate(self.group.tolist()) if group >= 0 and group not in taken]

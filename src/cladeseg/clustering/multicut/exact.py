"""Exact correlation clustering by integer programming with lazily separated triangles (Grötschel & Wakabayashi 1989).

On a complete graph the triangle inequalities y_ij ≤ y_ik + y_kj describe all clusterings.  Few of them are needed, so
they are added where a solution violates them: first to the linear relaxation, then to the integer program.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from cladeseg.clustering.multicut.local_search import cluster
from cladeseg.clustering.multicut.problem import Multicut, in_order

_VIOLATED = 1e-6
#: Inequalities added in one round.
_PER_ROUND = 4000


@dataclass(frozen=True)
class Certificate:
    """A clustering and how far it may be from the best one.

    Attributes:
        labels: cluster of each object; (n,).
        energy: its cost.
        bound: no clustering costs less.
        seconds: that it took.
    """

    labels: np.ndarray
    energy: float
    bound: float
    seconds: float

    @property
    def gap(self) -> float:
        """Energy minus bound, at least 0."""
        return max(self.energy - self.bound, 0.0)

    @property
    def optimal(self) -> bool:
        """Whether no clustering is better, up to rounding."""
        return self.gap <= 1e-6 * max(1.0, abs(self.energy))


def solve_exactly(problem: Multicut, *, seconds: float = 60.0) -> Certificate:
    """The best clustering, or the best one found with a bound once the time is over.

    Objects that no chain of positive pairs connects are apart in some best clustering, so each such part is solved by
    itself.

    Args:
        problem: the signed pairs; one that is missing weighs nothing.
        seconds: time limit.

    Examples:
        >>> found = solve_exactly(Multicut(3, [[0, 1], [0, 2], [1, 2]], [2.0, -3.0, 2.0]))
        >>> found.energy, found.bound, found.optimal
        (-1.0, -1.0, True)
    """
    begin = time.perf_counter()
    weights = problem.matrix()
    parts, part = connected_components(csr_array(weights > 0), directed=False)
    labels, bound, sizes = np.zeros(problem.count, dtype=int), 0.0, np.bincount(part, minlength=parts)
    across = part[problem.pairs[:, 0]] != part[problem.pairs[:, 1]]
    bound += float(problem.weights[across].sum())
    for number in np.argsort(sizes, kind="stable"):
        members = np.flatnonzero(part == number)
        left = seconds - (time.perf_counter() - begin)
        inside, inside_bound = _solve_part(weights[np.ix_(members, members)], left)
        labels[members] = inside + labels.max() + 1
        bound += inside_bound
    labels = in_order(labels)
    return Certificate(labels, problem.energy(labels), bound, time.perf_counter() - begin)


def _solve_part(weights: np.ndarray, seconds: float) -> tuple[np.ndarray, float]:
    problem = Multicut.from_matrix(weights)
    if (problem.weights >= 0).all():
        return np.zeros(problem.count, dtype=int), 0.0
    return _Program(problem, seconds).solve()


class _Program:
    """Cut variables y (E,) of a complete graph, and the triangles found so far."""

    def __init__(self, problem: Multicut, seconds: float) -> None:
        self.problem, self.end = problem, time.perf_counter() + seconds
        self.labels = cluster(problem)
        self.bound = problem.trivial_bound
        n = problem.count
        self.edge = np.zeros((n, n), dtype=np.int64)
        self.edge[problem.pairs[:, 0], problem.pairs[:, 1]] = np.arange(len(problem.pairs))
        self.edge += self.edge.T
        self.triangles = np.empty((0, 3), dtype=np.int64)

    def solve(self) -> tuple[np.ndarray, float]:
        """The relaxation gives the bound; integers are asked for only where it leaves a gap."""
        for integer in (False, True):
            while not self._closed() and self._round(integer):
                pass
        return self.labels, self.bound

    def _closed(self) -> bool:
        energy = self.problem.energy(self.labels)
        return energy - self.bound <= 1e-7 * max(1.0, abs(energy))

    def _round(self, integer: bool) -> bool:
        """Solve with the triangles so far and add those that are violated; whether to go on."""
        left = self.end - time.perf_counter()
        if left <= 0:
            return False
        found = milp(
            self.problem.weights,
            integrality=np.full(self.problem.weights.size, int(integer)),
            bounds=Bounds(0, 1),
            constraints=self._constraints(),
            options={"time_limit": left},
        )
        dual = found.mip_dual_bound if integer else (found.fun if found.status == 0 else None)
        if dual is not None and np.isfinite(dual):
            self.bound = max(self.bound, float(dual))
        if found.x is None:
            return False
        self._round_labels(found.x)
        return self._separate(found.x)

    def _constraints(self) -> list[LinearConstraint]:
        if not len(self.triangles):
            return []
        rows = np.repeat(np.arange(len(self.triangles)), 3)
        signs = np.tile([1.0, -1.0, -1.0], len(self.triangles))
        shape = (len(self.triangles), self.problem.weights.size)
        return [LinearConstraint(csr_array((signs, (rows, self.triangles.reshape(-1))), shape=shape), ub=0)]

    def _separate(self, cut: np.ndarray) -> bool:
        """Add the most violated triangles that contain each pair; whether there was one."""
        n = self.problem.count
        y = cut[self.edge]
        np.fill_diagonal(y, 0)
        rows, columns = self.problem.pairs.T
        shortest = np.empty(len(rows))
        middle = np.empty(len(rows), dtype=np.int64)
        for i in range(n - 1):
            here = np.flatnonzero(rows == i)
            over = y[i] + y[columns[here]]  # (m, n): way over each third object
            over[:, i] = np.inf
            over[np.arange(len(here)), columns[here]] = np.inf
            middle[here] = over.argmin(axis=1)
            shortest[here] = over[np.arange(len(here)), middle[here]]
        violation = cut - shortest
        worst = np.argsort(-violation)[:_PER_ROUND]
        worst = worst[violation[worst] > _VIOLATED]
        third = middle[worst]
        new = np.stack([worst, self.edge[rows[worst], third], self.edge[third, columns[worst]]], axis=1)
        self.triangles = np.concatenate([self.triangles, new])
        return bool(len(new))

    def _round_labels(self, cut: np.ndarray) -> None:
        """Objects joined in the solution, as a clustering; kept if it is better than what is known."""
        joined = cut[self.edge] < 0.5
        _, labels = connected_components(csr_array(joined), directed=False)
        if self.problem.energy(labels) < self.problem.energy(self.labels):
            self.labels = labels

"""Correlation clustering against exhaustive search, and its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from cladeseg.clustering.multicut import SEARCHES, Multicut, Search, cluster, in_order, logit, solve_exactly
from cladeseg.files import DataError


def partitions(n: int) -> Iterator[list[int]]:
    """All clusterings of n objects."""

    def extend(labels: list[int], used: int) -> Iterator[list[int]]:
        if len(labels) == n:
            yield labels
            return
        for label in range(used + 1):
            yield from extend([*labels, label], max(used, label + 1))

    return extend([], 0)


def least_energy(problem: Multicut) -> float:
    labels = np.array(list(partitions(problem.count)))
    cut = labels[:, problem.pairs[:, 0]] != labels[:, problem.pairs[:, 1]]
    return float((cut @ problem.weights).min())


def random_problem(n: int, seed: int) -> Multicut:
    return Multicut.from_matrix(np.random.default_rng(seed).normal(size=(n, n)))


@pytest.mark.parametrize("n", range(2, 10))
def test_the_exact_solver_finds_the_energy_of_exhaustive_search(n: int) -> None:
    for seed in range(4):
        problem = random_problem(n, 100 * n + seed)
        found = solve_exactly(problem)
        assert found.energy == pytest.approx(least_energy(problem), abs=1e-9)
        assert found.optimal
        assert found.bound <= found.energy + 1e-9


@pytest.mark.parametrize("search", SEARCHES)
def test_local_search_is_never_below_the_best_and_seldom_far_above(search: Search) -> None:
    gaps = []
    for seed in range(20):
        problem = random_problem(7, seed)
        best = least_energy(problem)
        gaps.append(problem.energy(cluster(problem, search=search)) - best)
    assert min(gaps) > -1e-9
    assert np.mean(np.array(gaps) < 1e-9) >= 0.7


def test_each_search_is_as_good_as_the_one_that_it_begins_with() -> None:
    for seed in range(10):
        problem = random_problem(30, seed)
        energies = [problem.energy(cluster(problem, search=search)) for search in SEARCHES]
        assert all(later <= earlier + 1e-9 for earlier, later in pairwise(energies))


def test_pairs_that_are_all_negative_leave_every_object_alone() -> None:
    problem = Multicut.from_matrix(-np.ones((5, 5)))
    assert cluster(problem).tolist() == solve_exactly(problem).labels.tolist() == [0, 1, 2, 3, 4]


def test_pairs_that_are_all_positive_join_everything() -> None:
    found = solve_exactly(Multicut.from_matrix(np.ones((5, 5))))
    assert (found.labels.tolist(), found.energy, found.bound) == ([0] * 5, 0.0, 0.0)


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_and_one_object_are_clusterings_too(n: int) -> None:
    problem = Multicut.from_matrix(np.zeros((n, n)))
    assert cluster(problem).tolist() == solve_exactly(problem).labels.tolist() == list(range(n))


def test_a_time_limit_leaves_a_clustering_with_a_bound() -> None:
    problem = random_problem(40, 1)
    found = solve_exactly(problem, seconds=0.0)
    assert found.bound <= found.energy
    assert found.bound >= problem.trivial_bound - 1e-9
    assert found.gap > 0


def test_pairs_may_come_in_any_order_and_may_be_missing() -> None:
    weights = {(0, 1): 2.0, (3, 2): 1.5, (1, 2): -4.0}
    problem = Multicut(4, np.array(list(weights)), np.array(list(weights.values())))
    assert cluster(problem).tolist() == [0, 0, 1, 1]
    assert problem.energy([0, 0, 1, 1]) == -4.0


@pytest.mark.parametrize(
    ("pairs", "weights", "message"),
    [
        ([[0, 1]], [np.nan], "not finite"),
        ([[0, 3]], [1.0], "not among the 3 objects"),
        ([[1, 1]], [1.0], "one object twice"),
        ([[0, 1], [1, 0]], [1.0, 1.0], "stands twice"),
        ([[0, 1]], [1.0, 2.0], "1 pairs have 2 weights"),
    ],
)
def test_impossible_pairs_are_refused(pairs: list[list[int]], weights: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Multicut(3, np.array(pairs), np.array(weights))


def test_certain_probabilities_are_clamped() -> None:
    found = logit(np.array([0.0, 0.5, 1.0]))
    assert np.isfinite(found).all()
    assert found[0] == pytest.approx(-found[2])
    assert in_order(np.array([5, 2, 5, 9])).tolist() == [0, 1, 0, 2]

"""The medoids are those that a search of everything finds."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cladeseg.segmentation.selection import k_medoids
from cladeseg.segmentation.selection.feature_space import pairwise_distances
from cladeseg.segmentation.selection.medoids import nearest_medoid


def cost(distances: np.ndarray, medoids: tuple[int, ...], weights: np.ndarray, covered: np.ndarray) -> float:
    return sum(
        float(weights[j]) * min(float(covered[j]), *(float(distances[m, j]) for m in medoids))
        for j in range(len(distances))
    )


def random_problem(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "distances": pairwise_distances(rng.normal(size=(11, 2))),
        "weights": rng.uniform(0.1, 3, 11),
        "covered": rng.uniform(0.2, 3, 11),
        "groups": np.array([0, 0, 1, 2, 2, 2, 3, 4, -1, 5, 6]),
    }


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("plain", [True, False])
def test_no_set_is_better_and_swapping_comes_close(k, seed, plain):
    problem = random_problem(seed)
    if plain:
        problem |= {"weights": np.ones(11), "covered": np.full(11, np.inf), "groups": np.arange(11)}
    groups = problem.pop("groups")
    allowed = [s for s in combinations(np.flatnonzero(groups >= 0).tolist(), k) if len(set(groups[list(s)])) == k]
    best = min(cost(medoids=s, **problem) for s in allowed)
    exact = k_medoids(**problem, groups=groups.tolist(), k=k)
    swapped = k_medoids(**problem, groups=groups.tolist(), k=k, exhaustive=0)
    assert tuple(exact) in allowed
    assert tuple(swapped) in allowed
    assert cost(medoids=tuple(exact), **problem) == pytest.approx(best)
    assert cost(medoids=tuple(swapped), **problem) <= 1.1 * best
    # What swapping promises: no exchange of one member gains anything.
    neighbours = [s for s in allowed if len(set(s) & set(swapped)) == k - 1]
    least = min(cost(medoids=s, **problem) for s in neighbours)
    assert cost(medoids=tuple(swapped), **problem) <= least * (1 + 1e-9)


def test_swapping_mends_what_building_began_badly():
    # Building begins in the middle, where no medoid of two belongs.
    distances = pairwise_distances(np.array([[-10.0], [-9], [-9], [-8], [0], [8], [9], [9], [10]]))
    assert k_medoids(distances, 1, exhaustive=0) == [4]
    assert k_medoids(distances, 2, exhaustive=0) == [1, 6]


def test_each_cluster_gets_one():
    centres = np.repeat([[0.0, 0], [9, 0], [0, 9]], 4, axis=0)
    points = centres + np.random.default_rng(0).normal(size=(12, 2)) / 10
    chosen = k_medoids(pairwise_distances(points), 3)
    assert [m // 4 for m in chosen] == [0, 1, 2]
    assert nearest_medoid(pairwise_distances(points), chosen).tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_of_equals_the_first_is_taken():
    for exhaustive in (0, 100):
        assert k_medoids(np.zeros((4, 4)), 2, exhaustive=exhaustive) == [0, 1]


def test_what_is_covered_needs_no_medoid_and_what_is_heavy_draws_them():
    distances = pairwise_distances(np.array([[0.0], [1.0], [2.0], [50.0]]))
    assert k_medoids(distances, 1) == [1]
    assert k_medoids(distances, 1, covered=distances[1]) == [3]
    assert k_medoids(distances, 1, weights=np.array([9.0, 1, 1, 0])) == [0]


@pytest.mark.parametrize("k", [0, 3])
def test_an_impossible_number_is_refused(k):
    with pytest.raises(ValueError, match=f"k: {k} medoids asked for, 2 can be chosen"):
        k_medoids(np.zeros((4, 4)), k, groups=[0, 0, 5, -1])


def test_distances_are_square():
    with pytest.raises(ValueError, match=r"should be square, not \(3, 2\)"):
        k_medoids(np.zeros((3, 2)), 1)

"""Named clusters: confidence, medoids, and numbers that stay."""

from __future__ import annotations

import numpy as np
import pytest

from cladeseg.clustering.groups import GroupingOptions, cluster_margin, group, object_confidence, stable_numbers

BLOCKS = np.where(np.kron(np.eye(2), np.ones((4, 4))) > 0, 2.0, -2.0)
NAMES = list("abcdefgh")


def test_a_clear_clustering_is_sure_and_optimal() -> None:
    found = group(NAMES, BLOCKS)
    assert found.numbers.tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert found.confidence.min() > 0.75
    assert not found.unsure.any()
    assert found.certificate.optimal
    assert found.probabilities[0, 1] > 0.5 > found.probabilities[0, 5]


def test_an_object_between_two_clusters_is_unsure() -> None:
    weights = BLOCKS.copy()
    weights[0, 1:] = weights[1:, 0] = 0.01
    found = group(NAMES, weights)
    assert found.unsure.tolist() == [True, *[False] * 7]


def test_the_medoid_is_the_object_most_alike_to_its_cluster() -> None:
    weights = BLOCKS.copy()
    weights[2, [0, 1, 3]] = weights[[0, 1, 3], 2] = 5.0
    found = group(NAMES, weights)
    assert NAMES[found.medoids[1]] == "c"
    assert [NAMES[at] for at in found.nearest[:4]] == ["c"] * 4


def test_the_margin_compares_with_the_next_cluster_and_with_being_alone() -> None:
    assert cluster_margin(BLOCKS, np.array([0] * 4 + [1] * 4))[0] == pytest.approx(2.0)
    mixed = np.abs(BLOCKS)
    np.fill_diagonal(mixed, 0)
    assert cluster_margin(mixed, np.array([0] * 4 + [1] * 4))[0] == pytest.approx(0.0)


def test_no_objects_and_one_object_are_grouped() -> None:
    assert group([], np.zeros((0, 0))).numbers.tolist() == []
    found = group(["a"], np.zeros((1, 1)))
    assert (found.numbers.tolist(), found.confidence.tolist(), found.nearest.tolist()) == ([1], [1.0], [0])
    assert object_confidence(np.zeros((1, 1)), np.zeros(1, dtype=int)).tolist() == [1.0]


def test_numbers_stay_when_objects_are_added_and_new_clusters_get_new_ones() -> None:
    before = group(NAMES, BLOCKS)
    earlier = dict(zip(before.ids, before.numbers.tolist(), strict=True))
    more = np.where(np.kron(np.eye(3), np.ones((4, 4))) > 0, 2.0, -2.0)
    names = [*"ijkl", *NAMES]  # the new cluster comes first
    found = group(names, more, earlier=earlier)
    assert found.numbers.tolist() == [3] * 4 + [1] * 4 + [2] * 4


def test_a_split_cluster_keeps_its_number_in_the_larger_part() -> None:
    numbers = stable_numbers(list("abcde"), np.array([0, 1, 1, 1, 1]), dict.fromkeys("abcde", 4))
    assert numbers.tolist() == [5, 4, 4, 4, 4]


def test_without_the_exact_solver_there_is_a_bound_too() -> None:
    found = group(NAMES, BLOCKS, GroupingOptions(exact_objects=0))
    assert found.certificate.bound == found.certificate.energy == -32.0

"""Features are made comparable by quartiles."""

from __future__ import annotations

import numpy as np

from cladeseg.segmentation.selection.feature_space import distance_percentiles, pairwise_distances, standardise


def test_the_median_is_the_origin_and_the_quartiles_are_the_unit():
    table = np.array([[1.0], [2.0], [3.0], [4.0], [1e9]])  # quartiles 2 and 4, whatever the broken case says
    assert standardise(table, ["a"])[:4, 0].tolist() == [-1, -0.5, 0, 0.5]


def test_the_scale_of_a_feature_does_not_matter():
    table = np.random.default_rng(0).normal(size=(9, 2))
    np.testing.assert_allclose(
        standardise(table * [1000, -1] + 5, ["a", "b"]), standardise(table, ["a", "b"]) * [1, -1]
    )


def test_a_kind_of_feature_counts_once_however_many_numbers_it_has():
    values = np.random.default_rng(0).normal(size=(9, 1))
    once = standardise(values, ["a"])
    thrice = standardise(np.repeat(values, 3, axis=1), ["a", "a", "a"])
    np.testing.assert_allclose(pairwise_distances(thrice), pairwise_distances(once))


def test_what_is_missing_or_the_same_for_all_says_nothing():
    table = np.array(
        [[1.0, 7.0, np.nan], [2.0, 7.0, np.nan], [np.nan, 7.0, np.nan], [4.0, 9.0, np.nan], [5.0, 7, np.nan]]
    )
    found = standardise(table, ["a", "b", "c"])
    assert found[2].tolist() == [0, 0, 0]
    assert not found[:, 1:].any()
    assert np.isfinite(found).all()


def test_distances_are_euclidean():
    assert pairwise_distances(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist() == [[0, 5], [5, 0]]


def test_percentiles_run_from_the_most_typical_case_to_the_oddest():
    points = np.array([[0.0], [-3.0], [1.0], [1.0], [9.0]])
    assert distance_percentiles(points).tolist() == [0, 75, 25, 25, 100]
    assert distance_percentiles(points[:1]).tolist() == [0]

"""Scores of clusterings against closed forms and independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import variation_of_information
from sklearn.metrics import adjusted_rand_score, rand_score, roc_auc_score

from cladeseg.clustering.metrics import (
    PairRanking,
    centred_interval,
    object_counts,
    pair_auc,
    partition_scores,
    score_intervals,
    vi_gain,
)


def test_scores_agree_with_independent_implementations() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        truth, found = rng.integers(0, 4, 30), rng.integers(0, 5, 30)
        scores = partition_scores(found, truth)
        split, join = variation_of_information(truth, found)
        assert (scores["vi_split"], scores["vi_join"]) == pytest.approx((split, join))
        assert scores["rand"] == pytest.approx(rand_score(truth, found))
        assert scores["ari"] == pytest.approx(adjusted_rand_score(truth, found))


def test_splitting_and_joining_are_told_apart() -> None:
    two, one = np.array([0, 0, 1, 1]), np.zeros(4)
    split, joined = partition_scores(two, one), partition_scores(one, two)
    assert (split["vi_split"], split["vi_join"]) == (1.0, 0.0)
    assert (joined["vi_split"], joined["vi_join"]) == (0.0, 1.0)


def test_a_right_clustering_has_full_scores_and_pairs_that_are_not_there_have_none() -> None:
    alone = partition_scores(np.arange(4), np.arange(4))
    assert (alone["vi_bits"], alone["rand"], alone["ari"], alone["f1_cut"]) == (0.0, 1.0, 1.0, 1.0)
    assert alone["f1_join"] is None
    single = partition_scores(np.zeros(1), np.zeros(1))
    assert (single["vi_bits"], single["rand"], single["clusters"]) == (0.0, 1.0, 1)


def test_f1_of_joins_is_that_of_pairs() -> None:
    scores = partition_scores(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    assert (scores["precision_join"], scores["recall_join"]) == (pytest.approx(1 / 3), pytest.approx(1 / 2))
    assert scores["f1_join"] == pytest.approx(0.4)


def test_auc_agrees_with_an_independent_implementation_and_is_undefined_for_one_class() -> None:
    rng = np.random.default_rng(1)
    scores, classes = rng.integers(0, 5, (12, 12)), rng.integers(0, 3, 12)
    rows, columns = np.triu_indices(12, 1)
    wanted = roc_auc_score(classes[rows] == classes[columns], scores[rows, columns])
    assert pair_auc(scores, classes) == pytest.approx(wanted)
    assert pair_auc(scores, np.zeros(12)) is None


def test_intervals_hold_the_score_and_shrink_to_it_where_nothing_varies() -> None:
    truth = np.repeat([0, 1, 2], 10)
    found = truth.copy()
    found[:4] = 1
    some = score_intervals(found, truth, resamples=100)["rand"]
    low, high = some["ci95"]
    assert low is not None and high is not None
    assert low < some["mean"] < high
    assert score_intervals(truth, truth, resamples=50)["vi_bits"]["ci95"] == [0.0, 0.0]


def test_an_object_that_counts_twice_is_two_rows_without_a_pair_between_them() -> None:
    rng = np.random.default_rng(2)
    scores, classes = rng.integers(0, 5, (8, 8)), np.array([0, 0, 1, 1, 2, 2, 0, 1])
    scores = np.triu(scores, 1) + np.triu(scores, 1).T
    counts = np.array([2, 0, 1, 3, 1, 1, 0, 1])
    copies = np.repeat(np.arange(8), counts)
    rows, columns = np.triu_indices(copies.size, 1)
    rows, columns = copies[rows], copies[columns]
    apart = rows != columns
    rows, columns = rows[apart], columns[apart]
    wanted = roc_auc_score(classes[rows] == classes[columns], scores[rows, columns])
    assert PairRanking(scores, classes).auc(counts) == pytest.approx(wanted)


def test_the_auc_has_an_interval_where_weights_are_given() -> None:
    rng = np.random.default_rng(3)
    truth = np.repeat([0, 1, 2], 8)
    weights = (truth[:, None] == truth) + rng.normal(size=(24, 24))
    weights = weights + weights.T
    found = score_intervals(truth, truth, weights=weights, resamples=80)["pair_auc"]
    assert found["mean"] == pair_auc(weights, truth)
    low, high = found["ci95"]
    assert low is not None and high is not None
    assert low < found["mean"] < high
    assert "pair_auc" not in score_intervals(truth, truth, resamples=2)


def test_objects_of_a_group_are_drawn_together() -> None:
    groups = np.array(["a", "b", "a", "c", "b"])
    for counts in object_counts(5, groups, resamples=20):
        assert counts[0] == counts[2]
        assert counts[1] == counts[4]
        assert counts[0] + counts[1] + counts[3] == 3


def test_the_gain_over_a_baseline_is_that_of_the_same_objects() -> None:
    truth = np.repeat([0, 1], 10)
    joined = np.zeros(20)
    assert vi_gain(joined, joined, truth)["ci95"] == [0.0, 0.0]
    gain = vi_gain(truth, joined, truth, resamples=100)
    low, high = gain["ci95"]
    assert gain["mean"] == pytest.approx(1.0)
    assert low is not None and high is not None
    assert 0.5 < low <= 1.0 <= high < 1.5


def test_the_interval_of_an_entropy_holds_it_although_resamples_are_too_small() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(40), 4)
    found = np.where(rng.random(160) < 0.3, rng.integers(0, 40, 160), truth)
    estimate = score_intervals(found, truth, resamples=100)["vi_bits"]
    low, high = estimate["ci95"]
    assert low is not None and high is not None
    assert 0 <= low < estimate["mean"] < high
    assert centred_interval(0.9, [0.5, 0.6, 0.7], (0.0, 1.0)) == pytest.approx((0.805, 0.995))

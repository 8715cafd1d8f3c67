"""Centring removes what an object shares with everything; the zero keeps batches of any make-up sensible."""

from __future__ import annotations

import numpy as np
import pytest

from cladeseg.clustering.calibration import (
    RAW,
    Batch,
    PairLogits,
    Zero,
    centred,
    choose_zero,
    clusters_of,
    draw_batches,
    fit_combination,
)


def logits_of(classes: np.ndarray, *, level: float = 0.0, noise: float = 0.3, seed: int = 0) -> np.ndarray:
    """4 within a class and -4 between, plus an object's own level, plus noise."""
    rng = np.random.default_rng(seed)
    n = len(classes)
    levels, random = rng.normal(0, level, n), rng.normal(0, noise, (n, n))
    found = np.where(classes[:, None] == classes, 4.0, -4.0) + levels[:, None] + levels + random + random.T
    np.fill_diagonal(found, 0)
    return found


def chosen() -> Zero:
    """A zero that was chosen on batches of one to five classes."""
    rng = np.random.default_rng(1)
    classes = np.repeat(np.arange(5), 8)
    batches = [
        batch
        for seed in range(4)
        for batch in draw_batches(PairLogits(logits_of(classes, level=1.5, seed=seed)), classes, number=9, rng=rng)
    ]
    return choose_zero(batches).zero


def test_levels_of_objects_are_removed() -> None:
    classes = np.repeat([0, 1], 10)
    with_levels, without = (logits_of(classes, level=level, noise=0.0) for level in (3.0, 0.0))
    plain = Zero(prior_objects=0.0)
    moved, same = (centred(PairLogits(held - held.mean()), plain) for held in (with_levels, without))
    assert moved - same == pytest.approx(np.zeros((20, 20)), abs=0.9)
    levels_left = centred(PairLogits(with_levels), plain).sum(axis=1) - centred(PairLogits(without), plain).sum(axis=1)
    assert np.ptp(levels_left) < 1e-9


def test_raw_logits_stay_as_they_are() -> None:
    logits = logits_of(np.array([0, 0, 1]))
    assert (centred(PairLogits(logits, np.ones(3)), RAW) == logits).all()


def test_levels_count_less_with_few_objects_and_not_at_all_with_two() -> None:
    pair = np.array([[0.0, 2.0], [2.0, 0.0]])
    assert (centred(PairLogits(pair), Zero()) == pair).all()
    assert centred(PairLogits(np.zeros((1, 1))), Zero()).shape == (1, 1)
    pairs = np.array([[0.0, 2, -1], [2, 0, -1], [-1, -1, 0]])
    moved = [np.abs(centred(PairLogits(pairs), Zero(prior_objects=prior)) - pairs).max() for prior in (0.0, 3.0, 100.0)]
    assert moved[0] > moved[1] > moved[2]


@pytest.mark.parametrize("each", [1, 2, 6])
def test_a_batch_of_one_kind_is_not_torn_apart(each: int) -> None:
    logits = PairLogits(logits_of(np.zeros(2 * each), level=1.0, seed=5))
    assert clusters_of(logits, chosen()).max() == 0


def test_two_images_are_joined_or_cut_by_their_own_logit() -> None:
    zero = chosen()
    assert clusters_of(PairLogits(np.array([[0.0, 3.5], [3.5, 0.0]])), zero).tolist() == [0, 0]
    assert clusters_of(PairLogits(np.array([[0.0, -3.5], [-3.5, 0.0]])), zero).tolist() == [0, 1]


def test_a_hundred_kinds_stay_a_hundred() -> None:
    classes = np.repeat(np.arange(100), 2)
    assert clusters_of(PairLogits(logits_of(classes, level=0.7, seed=3)), chosen()).max() + 1 == pytest.approx(
        100, abs=3
    )


def test_the_zero_is_found_where_training_left_it_elsewhere() -> None:
    classes = np.repeat(np.arange(4), 6)
    rng = np.random.default_rng(0)
    batches = draw_batches(PairLogits(logits_of(classes) - 6.0), classes, number=12, rng=rng)
    found = choose_zero(batches, centre=False)
    assert found.vi_bits == pytest.approx(0.0, abs=1e-9)
    assert -9 < found.zero.bias * found.zero.scale < -3


def test_batches_hold_one_class_and_several() -> None:
    classes = np.repeat(np.arange(4), 6)
    batches = draw_batches(PairLogits(logits_of(classes)), classes, number=8, rng=np.random.default_rng(0))
    assert {np.unique(batch.classes).size for batch in batches} == {1, 2, 3, 4}
    assert all(isinstance(batch, Batch) and len(batch.logits.pairs) == len(batch.classes) for batch in batches)


def test_a_method_that_says_nothing_gets_little_weight_and_one_that_lies_gets_none() -> None:
    classes = np.repeat(np.arange(4), 6)
    good = logits_of(classes, noise=2.0)
    noise = logits_of(np.zeros(24), noise=2.0, seed=9)
    said = {"good": PairLogits(good), "noise": PairLogits(noise), "wrong": PairLogits(-good)}
    found = fit_combination(["good", "noise", "wrong"], [(said, classes)])
    weights = dict(zip(found.methods, found.weights, strict=True))
    assert "wrong" not in weights
    assert weights["good"] > 5 * weights.get("noise", 0.0)
    assert found.logits(said).pairs.shape == (24, 24)


# ---- references ------------------------------------------------------------------------------------------------------


def levelled(classes: np.ndarray, *, seed: int) -> PairLogits:
    """Objects that look like everything, and like the references, more or less; levels spread by 3."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(0, 3.0, len(classes))
    pairs = np.where(classes[:, None] == classes, 2.0, -2.0) + levels[:, None] + levels
    return PairLogits(pairs, levels - 1.0)


def beside_references_chosen() -> Zero:
    rng, classes = np.random.default_rng(2), np.repeat(np.arange(5), 8)
    return choose_zero(
        [batch for seed in range(3) for batch in draw_batches(levelled(classes, seed=seed), classes, number=6, rng=rng)]
    ).zero


def test_references_give_two_objects_the_levels_that_they_cannot_show() -> None:
    zero = beside_references_chosen()
    assert zero.reference_share == 0.75
    cut = PairLogits(np.array([[0.0, 2.0], [2.0, 0.0]]), np.array([1.0, 1.0]))  # -2, and 2 for each level
    joined = PairLogits(np.array([[0.0, -2.0], [-2.0, 0.0]]), np.array([-3.0, -3.0]))  # 2, and -2 for each
    assert clusters_of(cut, zero).tolist() == [0, 1]
    assert clusters_of(joined, zero).tolist() == [0, 0]


def test_references_count_less_the_more_objects_there_are() -> None:
    zero = Zero(reference_share=1.0, reference_threshold=0.5)
    by_how_much = []
    for n in (2, 5, 50):
        pairs, levels = logits_of(np.zeros(n)), np.full(n, 10.0)
        alone, both = centred(PairLogits(pairs), zero), centred(PairLogits(pairs, levels), zero)
        by_how_much.append(np.abs(both - alone).max())
    assert by_how_much[0] == pytest.approx(20.5)
    assert by_how_much[0] > 1.5 * by_how_much[1] > 4 * by_how_much[2]


def test_a_combination_weighs_levels_as_it_weighs_pairs() -> None:
    classes = np.repeat(np.arange(3), 5)
    one, other = levelled(classes, seed=0), levelled(classes, seed=1)
    found = fit_combination(["one", "other"], [({"one": one, "other": other}, classes)])
    weights = dict(zip(found.methods, found.weights, strict=True))
    wanted = sum(weights.get(name, 0.0) * held.levels for name, held in (("one", one), ("other", other)))
    assert found.logits({"one": one, "other": other}).levels == pytest.approx(wanted)
    assert found.logits({"one": one, "other": PairLogits(other.pairs)}).levels is None or len(weights) == 1

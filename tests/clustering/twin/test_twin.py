"""The twin network is symmetric and keeps the weights of its best validation score."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cladeseg.clustering.twin import (
    Pictures,
    TwinNetwork,
    TwinTraining,
    augmented,
    balanced_loss,
    draw_batch,
    train_twin,
    training,
    twin_logits,
)


def pictures(each: int = 6, seed: int = 0) -> Pictures:
    """Two kinds: bright above, or bright on the whole."""
    rng = np.random.default_rng(seed)
    values = rng.random((2 * each, 1, 32, 32)).astype(np.float32) * 0.2
    values[:each, :, 8:24, 8:24] += 0.8
    return Pictures(torch.as_tensor(values), np.repeat([0, 1], each))


def test_the_order_of_a_pair_does_not_count_and_all_pairs_are_those_one_by_one() -> None:
    network = TwinNetwork(1).eval()
    values = pictures().values
    logits = twin_logits(network, values)
    assert logits == pytest.approx(logits.T, abs=1e-5)
    with torch.no_grad():
        one = network(torch.cat([values[:1], values[3:4]], dim=1))
    assert logits[0, 3] == pytest.approx(float(one), abs=1e-5)


def test_a_batch_compares_as_single_pairs_do_whatever_the_rows_at_once() -> None:
    network = TwinNetwork(1).eval()
    encoded = torch.rand(5, 128)
    together = network.compare_all(encoded, rows=2)
    one_by_one = [network.compare(one.expand_as(encoded), encoded) for one in encoded[:, None]]
    assert torch.allclose(together, torch.stack(one_by_one), atol=1e-5)


def test_a_batch_holds_as_many_of_each_class_and_nothing_twice() -> None:
    classes = np.array([0] * 9 + [1] * 8 + [2])
    drawn = draw_batch(classes, 8, np.random.default_rng(0))
    assert np.bincount(classes[drawn]).tolist() == [4, 4]
    assert len(set(drawn.tolist())) == 8
    few = draw_batch(np.array([0, 0, 1]), 8, np.random.default_rng(0))
    assert sorted(few.tolist()) == [0, 1, 2]


def test_both_kinds_of_pair_weigh_the_same_however_many_there_are() -> None:
    classes = np.array([0, 0, 1, 2, 3])
    logits = torch.full((5, 5), -2.0)
    wanted = (np.log1p(np.exp(2.0)) + np.log1p(np.exp(-2.0))) / 2
    assert float(balanced_loss(logits, classes)) == pytest.approx(wanted, abs=1e-6)
    assert float(balanced_loss(logits, np.arange(5))) == pytest.approx(np.log1p(np.exp(-2.0)), abs=1e-6)


def test_the_diagonal_teaches_nothing() -> None:
    logits = torch.zeros(4, 4, requires_grad=True)
    balanced_loss(logits, np.array([0, 0, 1, 1])).backward()
    assert logits.grad is not None
    assert logits.grad.diagonal().abs().max() == 0


def test_augmentation_moves_some_pictures_and_leaves_the_given_ones() -> None:
    values = pictures(20).values
    before = values.clone()
    moved = augmented(values, np.random.default_rng(0))
    changed = (moved != before).flatten(1).any(dim=1).float().mean()
    assert (values == before).all()
    assert 0.2 < float(changed) < 0.8


def quickly(steps: int) -> TwinTraining:
    return train_twin(pictures(), pictures(3, seed=1), steps=steps, pictures=6, check_every=2, show_progress=False)


def test_training_depends_on_its_seed_alone() -> None:
    one, other = quickly(4), quickly(4)
    assert one.history == other.history
    assert [step for step, _, _ in one.history] == [2, 4]
    assert not one.network.training


def test_the_weights_of_the_best_validation_score_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = twin_logits(quickly(2).network, pictures().values)
    scores = iter([0.9, 0.1])
    monkeypatch.setattr(training, "pair_auc", lambda *_: next(scores))
    assert twin_logits(quickly(4).network, pictures().values) == pytest.approx(wanted, abs=1e-6)

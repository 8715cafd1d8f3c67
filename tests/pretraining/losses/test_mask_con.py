"""MaskCon with its queue."""

from __future__ import annotations

import math

import pytest
import torch

from cladeseg.pretraining.losses import MaskConLoss
from cladeseg.pretraining.losses.row_blocks import unit_rows

T1, T2 = 0.2, 0.1


def random(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def filled(keys: torch.Tensor, labels: torch.Tensor) -> MaskConLoss:
    loss = MaskConLoss(4, queue=8, temperature=T1, target_temperature=T2).double()
    loss(torch.zeros_like(keys), keys, labels)
    return loss


def closed_form(query: torch.Tensor, key: torch.Tensor, queue: torch.Tensor, same: torch.Tensor) -> torch.Tensor:
    """One query after the other."""
    losses = []
    for q, k, inside in zip(unit_rows(query), unit_rows(key), same, strict=True):
        log_p = torch.log_softmax(torch.cat([(q @ k)[None], unit_rows(queue) @ q]) / T1, dim=0)
        scores = (unit_rows(queue) @ k / T2).exp() * inside
        target = torch.cat([torch.ones(1), scores / scores.max() if inside.any() else scores])
        losses.append(-(target * log_p).sum() / target.sum())
    return torch.stack(losses).mean()


def test_the_value_is_the_closed_form() -> None:
    queue, queue_labels, labels = random(5, 0), torch.tensor([0, 1, 1, 2, 0]), torch.tensor([1, 7, 0])
    query, key = random(3, 1), random(3, 2)
    value = filled(queue, queue_labels)(query, key, labels)
    torch.testing.assert_close(value, closed_form(query, key, queue, labels[:, None] == queue_labels))


def test_without_its_coarse_class_in_the_queue_a_query_has_its_own_key_alone() -> None:
    """Then it is plain contrast with the queue as negatives: cosine 1 to the own key, 0 to three others."""
    loss = filled(torch.eye(4, dtype=torch.float64)[:3], torch.zeros(3, dtype=torch.long))
    query = torch.eye(4, dtype=torch.float64)[[3, 3]]
    expected = math.log(1 + 3 * math.exp(-1 / T1))
    assert loss(query, query, torch.tensor([9, 9])).item() == pytest.approx(expected)


def test_the_first_call_has_no_queue_yet() -> None:
    loss = MaskConLoss(4, queue=8)
    assert loss(random(2, 0), random(2, 1), torch.tensor([0, 0])).item() == 0


def test_the_oldest_keys_leave_the_queue_first() -> None:
    loss = MaskConLoss(4, queue=3).double()
    for seed, label in ((0, 5), (1, 6)):
        loss(random(2, seed), random(2, seed), torch.tensor([label, label]))
    assert sorted(loss.queue_labels.tolist()) == [5, 6, 6]
    newest = unit_rows(random(2, 1))
    assert all((loss.queue - key).abs().sum(1).min() < 1e-12 for key in newest)


def test_a_batch_longer_than_the_queue_keeps_its_end() -> None:
    loss = MaskConLoss(4, queue=3)
    loss(random(5, 0), random(5, 0), torch.arange(5))
    assert sorted(loss.queue_labels.tolist()) == [2, 3, 4]


def test_keys_take_no_gradient() -> None:
    loss = filled(random(5, 0), torch.zeros(5, dtype=torch.long))
    query, key = random(3, 1).requires_grad_(), random(3, 2).requires_grad_()
    loss(query, key, torch.zeros(3, dtype=torch.long)).backward()
    assert key.grad is None
    assert query.grad is not None


def test_gradcheck() -> None:
    queue = random(5, 0)

    def value(query: torch.Tensor) -> torch.Tensor:
        loss = filled(queue, torch.tensor([0, 1, 1, 2, 0]))  # each call moves its queue
        return loss(query, random(3, 2), torch.tensor([1, 7, 0]))

    assert torch.autograd.gradcheck(value, (random(3, 1).requires_grad_(),))


def test_half_precision_is_finite_at_a_temperature_of_one_hundredth() -> None:
    loss = MaskConLoss(4, queue=8, temperature=0.01, target_temperature=0.01)
    loss(random(5, 0).half(), random(5, 0).half(), torch.zeros(5, dtype=torch.long))
    query = random(3, 1).half().requires_grad_()
    value = loss(query, random(3, 2).half(), torch.zeros(3, dtype=torch.long))
    (gradient,) = torch.autograd.grad(value, query)
    assert bool(torch.isfinite(value))
    assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize(
    ("options", "name"), [({"queue": 0}, "queue"), ({"target_temperature": 0}, "target_temperature")]
)
def test_impossible_options_are_refused(options: dict[str, int], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        MaskConLoss(4, **options)

"""SupCon against its closed form and pytorch-metric-learning."""

from __future__ import annotations

import math

import pytest
import torch
from pytorch_metric_learning.losses import SupConLoss as ReferenceLoss

from cladeseg.pretraining.losses import SupConLoss, row_blocks

LABELS = torch.tensor([3, 3, 3, 8, 8, 0])


def features() -> torch.Tensor:
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_orthogonal_features_have_the_closed_form() -> None:
    """Two of a class at cosine 0 to all: each denominator holds as many as there are others."""
    loss = SupConLoss(1.0)
    assert loss(torch.eye(3), torch.tensor([1, 1, 2])).item() == pytest.approx(math.log(2), abs=1e-6)


def test_value_and_gradient_are_those_of_pytorch_metric_learning() -> None:
    kept = slice(0, 5)  # the reference averages over anchors with positives as well, but not its newer versions
    x = features()[kept].requires_grad_()
    ours, theirs = (loss(x, LABELS[kept]) for loss in (SupConLoss(0.1), ReferenceLoss(temperature=0.1)))
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(torch.autograd.grad(ours, x), torch.autograd.grad(theirs, x))


def test_anchors_without_positives_are_skipped_and_counted() -> None:
    loss = SupConLoss(0.1, "none")
    values = loss(features(), LABELS)
    assert loss.skipped == 1
    assert values[5].item() == 0
    torch.testing.assert_close(SupConLoss(0.1)(features(), LABELS), values[:5].mean())


def test_an_anchor_without_positives_is_still_a_negative() -> None:
    x = features().requires_grad_()
    (gradient,) = torch.autograd.grad(SupConLoss(0.1)(x, LABELS), x)
    assert gradient[5].abs().sum() > 0


def test_a_batch_without_any_positive_costs_nothing() -> None:
    x = features().requires_grad_()
    loss = SupConLoss(0.1)
    value = loss(x, torch.arange(6))
    assert value.item() == 0
    assert loss.skipped == 6
    assert torch.autograd.grad(value, x)[0].abs().sum() == 0


def test_gradcheck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "BLOCK_ENTRIES", 14)
    assert torch.autograd.gradcheck(SupConLoss(0.3), (features().requires_grad_(), LABELS))


def test_half_precision_is_finite_at_a_temperature_of_one_hundredth() -> None:
    x = features().half().requires_grad_()
    loss = SupConLoss(0.01)(x, LABELS)
    (gradient,) = torch.autograd.grad(loss, x)
    assert bool(torch.isfinite(loss))
    assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize(
    ("labels", "message"),
    [(torch.zeros(5, dtype=torch.long), r"\(N, F\)"), (torch.zeros(6), "whole numbers")],
)
def test_labels_that_do_not_fit_are_refused(labels: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SupConLoss()(features(), labels)


def test_a_batch_of_one_has_no_negatives() -> None:
    with pytest.raises(ValueError, match="batch of one"):
        SupConLoss()(features()[:1], LABELS[:1])

"""Weighted negatives."""

from __future__ import annotations

import math

import pytest
import torch

from cladeseg.pretraining.losses import FalseNegativeLoss, MultiViewLoss
from cladeseg.pretraining.losses.row_blocks import unit_rows


def views(cases: int = 5) -> torch.Tensor:
    return torch.randn(2, cases, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def closed_form(one: torch.Tensor, other: torch.Tensor, temperature: float, spread: float) -> torch.Tensor:
    """One anchor after the other, as the docstring has it."""
    cosines = unit_rows(one) @ unit_rows(other).T
    losses = []
    for i, row in enumerate(cosines):
        rest = [k for k in range(len(row)) if k != i]
        weights = torch.softmax(-row[rest].detach() / spread, dim=0) * len(rest)
        positive = (row[i] / temperature).exp()
        losses.append(-(positive / (positive + (weights * (row[rest] / temperature).exp()).sum())).log())
    return torch.stack(losses)


def test_the_value_is_the_closed_form() -> None:
    one, other = views()
    expected = (closed_form(one, other, 0.2, 0.5) + closed_form(other, one, 0.2, 0.5)).mean() / 2
    torch.testing.assert_close(FalseNegativeLoss(0.2, 0.5)(views()), expected)


def test_the_weights_take_no_gradient() -> None:
    features = views().requires_grad_()
    one, other = features
    expected = (closed_form(one, other, 0.2, 0.5) + closed_form(other, one, 0.2, 0.5)).mean() / 2
    ours = torch.autograd.grad(FalseNegativeLoss(0.2, 0.5)(features), features)
    torch.testing.assert_close(ours, torch.autograd.grad(expected, features))


def test_negatives_still_repel_where_undetached_weights_would_cancel() -> None:
    """T = τ: the value knows the negatives' number alone, the gradient still pushes each of them away."""
    features = views().requires_grad_()
    gradient = torch.autograd.grad(FalseNegativeLoss(1.0, 1.0)(features), features)[0]
    positives = -torch.nn.functional.cosine_similarity(*features).mean()
    assert not torch.allclose(gradient, torch.autograd.grad(positives, features)[0], atol=1e-3)


def test_a_wide_spread_is_the_plain_loss() -> None:
    torch.testing.assert_close(FalseNegativeLoss(0.2, 1e9)(views()), MultiViewLoss(0.2)(views()))


def test_a_look_alike_counts_less() -> None:
    """The second case is the first one's double: as a negative it costs less than in the plain loss."""
    doubled = torch.eye(4)[[0, 0, 1, 2]].expand(2, 4, 4)
    assert FalseNegativeLoss(0.1, 0.1)(doubled).item() < MultiViewLoss(0.1)(doubled).item()


def test_half_precision_is_finite_at_a_temperature_of_one_hundredth() -> None:
    features = views(32).half().requires_grad_()
    loss = FalseNegativeLoss(0.01, 0.01)(features)
    (gradient,) = torch.autograd.grad(loss, features)
    assert bool(torch.isfinite(loss))
    assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_weight_temperature_that_is_none_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="weight_temperature"):
        FalseNegativeLoss(0.1, temperature)

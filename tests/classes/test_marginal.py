"""Closed forms of the loss of patients of whom a node of the class tree is known."""

from __future__ import annotations

import pytest
import torch

from cladeseg.classes import class_weights, marginal_loss


def test_a_class_label_costs_the_ordinary_cross_entropy() -> None:
    logits = torch.randn(6, 4, dtype=torch.float64)
    classes = torch.tensor([0, 1, 2, 3, 0, 1])
    possible = torch.nn.functional.one_hot(classes, 4).bool()
    ours = marginal_loss(logits.log_softmax(1), possible, torch.ones(6))
    assert ours.item() == pytest.approx(torch.nn.functional.cross_entropy(logits, classes, reduction="sum").item())


def test_the_root_costs_nothing_and_passes_no_gradient() -> None:
    logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    loss = marginal_loss(logits.log_softmax(1), torch.ones(3, 4, dtype=torch.bool), torch.ones(3))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-12


def test_the_marginal_loss_has_the_gradient_of_its_values() -> None:
    logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    possible = torch.tensor([[True, True, False, False], [False, False, True, False], [True, False, True, True]])
    assert torch.autograd.gradcheck(lambda x: marginal_loss(x.log_softmax(1), possible, torch.ones(3)), logits)


def test_class_weights_are_inverse_to_frequency_with_mean_one() -> None:
    possible = torch.nn.functional.one_hot(torch.tensor([0] * 6 + [1] * 2), 2).bool()
    weights = class_weights(possible, torch.ones(8, dtype=torch.bool))
    assert weights.tolist() == pytest.approx([8 / 12] * 6 + [2.0] * 2)
    assert weights.mean().item() == pytest.approx(1)


def test_a_superclass_weighs_as_its_classes_do_together() -> None:
    possible = torch.tensor(
        [[True, False, False]] * 3 + [[False, True, False], [False, False, True], [True, True, False]]
    )
    weights = class_weights(possible, torch.ones(6, dtype=torch.bool))
    one, other = weights[0].item(), weights[3].item()
    assert weights[5].item() == pytest.approx((3 * one + other) / 4)


def test_hidden_labels_weigh_nothing() -> None:
    possible = torch.nn.functional.one_hot(torch.tensor([0, 1, 1]), 2).bool()
    assert class_weights(possible, torch.tensor([True, True, False]))[2] == 0

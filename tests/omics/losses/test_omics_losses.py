"""Closed forms of the losses of the omics wing, and where gradients must not go."""

from __future__ import annotations

import math

import pytest
import torch

from cladeseg.omics.losses import (
    class_weights,
    confidence_loss,
    distillation_loss,
    hard_targets,
    info_nce,
    marginal_loss,
    soft_targets,
    teaching_weights,
)


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


def test_only_the_more_confident_head_teaches() -> None:
    weights = teaching_weights(torch.tensor([[0.9, 0.2], [0.4, 0.6]]))
    assert weights[0, 1].tolist() == pytest.approx([0.5, 0.0])
    assert weights[1, 0].tolist() == pytest.approx([0.0, 0.4])


def test_no_gradient_reaches_the_teacher_or_its_confidence() -> None:
    teacher = torch.randn(2, 3, 4, requires_grad=True)
    sure = torch.rand(2, 3, requires_grad=True)
    pupil = torch.randn(2, 3, 4, requires_grad=True)
    weights = teaching_weights(sure)
    targets = hard_targets(teacher.log_softmax(-1), weights) + soft_targets(teacher.log_softmax(-1), weights, 2.0)
    distillation_loss(pupil, targets, 2.0).backward()
    assert teacher.grad is None
    assert sure.grad is None
    assert pupil.grad is not None
    assert pupil.grad.abs().sum() > 0


def test_hard_targets_are_the_teachers_classes_with_their_weights() -> None:
    log_p = torch.tensor([[[0.9, 0.1]], [[0.3, 0.7]]]).log()  # two heads, one patient
    weights = torch.zeros(2, 2, 1)
    weights[0, 1] = 0.25
    assert hard_targets(log_p, weights).tolist() == [[[0.0, 0.0]], [[0.25, 0.0]]]


def test_soft_distillation_has_the_gradient_of_the_scaled_divergence() -> None:
    teacher, pupil = (
        torch.randn(1, 5, 3, dtype=torch.float64),
        torch.randn(1, 5, 3, dtype=torch.float64, requires_grad=True),
    )
    softened = (teacher / 2).softmax(-1)
    ours = torch.autograd.grad(distillation_loss(pupil, softened, 2.0), pupil)[0]
    divergence = 4 * torch.nn.functional.kl_div((pupil / 2).log_softmax(-1), softened, reduction="sum")
    assert torch.allclose(ours, torch.autograd.grad(divergence, pupil)[0])


def test_confidence_is_least_wrong_where_it_equals_the_true_probability() -> None:
    true = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    logit = torch.tensor([math.log(0.3 / 0.7)], dtype=torch.float64, requires_grad=True)
    confidence_loss(logit, true).backward()
    assert logit.grad is not None
    assert logit.grad.abs().max() < 1e-12
    assert true.grad is None


def test_info_nce_of_orthogonal_patients_has_its_closed_form() -> None:
    n, t = 4, 0.5
    views = torch.eye(n, dtype=torch.float64)
    expected = math.log(math.exp(1 / t) + 2 * (n - 1)) - 1 / t
    assert info_nce(views, views, t).item() == pytest.approx(expected)


def test_info_nce_is_the_same_both_ways() -> None:
    one, other = torch.randn(5, 3), torch.randn(5, 3)
    assert info_nce(one, other).item() == pytest.approx(info_nce(other, one).item())

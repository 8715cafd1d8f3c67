"""Closed forms of the losses of the omics wing, and where gradients must not go."""

from __future__ import annotations

import math

import pytest
import torch

from cladeseg.omics.losses import (
    confidence_loss,
    distillation_loss,
    hard_targets,
    info_nce,
    soft_targets,
    teaching_weights,
)


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

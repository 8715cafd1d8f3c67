"""The distance to the teacher is that of the unlabelled cases' probabilities, under clipped noise."""

from __future__ import annotations

import pytest
import torch
from tiny_batches import batch_of, tiny_net

from cladeseg.segmentation.baselines import MeanTeacherStep
from cladeseg.segmentation.losses import build_loss
from cladeseg.segmentation.mixing import EmaTeacher


def test_the_distance_is_the_mean_square_over_leaves_and_voxels_of_unlabelled_cases(acdc_tree):
    given = batch_of(acdc_tree, "heart", "fine", "unlabelled")._replace(teacher=EmaTeacher(tiny_net(acdc_tree, seed=1)))
    measured = MeanTeacherStep(acdc_tree, build_loss(acdc_tree), ramp=0, noise=0.0)(given)["unsupervised"]
    unlabelled = given.images[[0, 2]]
    student, teacher = given.network(unlabelled).leaf.exp(), given.teacher.network(unlabelled).exp()
    torch.testing.assert_close(measured, (student - teacher).square().sum() / student.numel())


def test_without_noise_the_student_agrees_with_its_own_copy(acdc_tree):
    losses = MeanTeacherStep(acdc_tree, build_loss(acdc_tree), ramp=0, noise=0.0)(
        batch_of(acdc_tree, "fine", "unlabelled")
    )
    assert losses["unsupervised"].item() == pytest.approx(0, abs=1e-10)


def test_the_noise_has_its_standard_deviation_and_bound(acdc_tree):
    step = MeanTeacherStep(acdc_tree, build_loss(acdc_tree), noise=0.5)
    noise = step._with_noise(torch.zeros(1, 1, 24, 24, 24), torch.Generator().manual_seed(0))
    assert noise.abs().max() == 1.0
    assert noise.std().item() == pytest.approx(0.5 * 0.94, abs=0.02)  # two standard deviations cut some off


def test_respected_targets_lie_in_the_known_node(acdc_tree):
    given = batch_of(acdc_tree, "heart", "fine")._replace(teacher=EmaTeacher(tiny_net(acdc_tree, seed=1)))
    step = MeanTeacherStep(acdc_tree, build_loss(acdc_tree), ramp=0, noise=0.0, respect_nodes=True)
    measured = step(given)["unsupervised"]
    student = given.network(given.images[[0]]).leaf.exp()
    target = given.teacher.network(given.images[[0]]).exp()
    inside = acdc_tree.membership[given.nodes[[0], 0].long()].movedim(-1, 1)
    target = target * inside / (target * inside).sum(1, keepdim=True)
    torch.testing.assert_close(measured, (student - target).square().mean())

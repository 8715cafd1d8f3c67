from __future__ import annotations

import math

import torch

from cladeseg.segmentation.losses.size_prior import SizePriorLoss
from cladeseg.segmentation.networks import TreeOutput
from cladeseg.taxonomy import Taxonomy

# Leaves of the acdc tree: background 0, right_ventricle 1, myocardium 2, left_ventricle 3; nodes heart 4, left_heart 5.
HEART, LEFT = 4, 5


def _output(*probabilities: float, voxels: int = 4) -> TreeOutput:
    leaf = torch.tensor(probabilities).log().view(1, -1, 1, 1, 1).expand(1, -1, voxels, 1, 1)
    return TreeOutput(leaf.clone().requires_grad_())


def _nodes(*labels: int) -> torch.Tensor:
    return torch.tensor(labels, dtype=torch.uint8).view(1, 1, -1, 1, 1)


def test_the_divergence_is_that_of_the_shares_within_the_superclass(acdc_tree: Taxonomy) -> None:
    # Fine: half of the heart is right ventricle; predicted: a quarter of it, whatever goes to the background.
    loss = SizePriorLoss(acdc_tree)(_output(0.6, 0.1, 0.2, 0.1), _nodes(*[HEART] * 4), _nodes(1, 1, 2, 3))
    expected = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    torch.testing.assert_close(loss, torch.tensor(expected))


def test_equal_shares_cost_nothing_and_pull_nowhere(acdc_tree: Taxonomy) -> None:
    output = _output(0.2, 0.4, 0.2, 0.2)
    loss = SizePriorLoss(acdc_tree)(output, _nodes(*[HEART] * 4), _nodes(1, 1, 2, 3))
    loss.backward()
    assert float(loss.detach()) < 1e-6
    assert output.leaf.grad is not None
    assert float(output.leaf.grad.abs().max()) < 1e-6


def test_the_gradient_feeds_the_child_that_is_too_small(acdc_tree: Taxonomy) -> None:
    output = _output(0.2, 0.1, 0.35, 0.35)
    SizePriorLoss(acdc_tree)(output, _nodes(*[HEART] * 4), _nodes(1, 1, 2, 3)).backward()
    assert output.leaf.grad is not None
    right, left = output.leaf.grad[0, 1].sum(), output.leaf.grad[0, 3].sum()
    assert float(right) < 0 < float(left)


def test_only_voxels_labelled_exactly_with_the_superclass_are_counted(acdc_tree: Taxonomy) -> None:
    leaf = torch.tensor([[0.0, 0.25, 0.5, 0.25], [0.0, 1.0, 0.0, 0.0]]).clamp(min=1e-9).log()
    output = TreeOutput(leaf.T.reshape(1, 4, 2, 1, 1))
    fine = _nodes(1, 2, 2, 3)
    loss = SizePriorLoss(acdc_tree)
    assert float(loss(output, _nodes(HEART, 0), fine)) < 1e-6
    assert float(loss(output, _nodes(HEART, HEART), fine)) > 0.1


def test_each_case_and_superclass_counts_once(acdc_tree: Taxonomy) -> None:
    output = _output(0.2, 0.2, 0.2, 0.4)
    loss, fine = SizePriorLoss(acdc_tree), _nodes(1, 2, 3, 3)
    heart = loss(output, _nodes(*[HEART] * 4), fine)
    left = loss(output, _nodes(*[LEFT] * 4), fine)
    both = loss(output, _nodes(HEART, HEART, LEFT, LEFT), fine)
    torch.testing.assert_close(both, (heart + left) / 2)


def test_without_a_superclass_on_both_sides_there_is_no_loss(acdc_tree: Taxonomy) -> None:
    loss = SizePriorLoss(acdc_tree)
    assert float(loss(_output(0.1, 0.2, 0.3, 0.4), _nodes(0, 0, 1, 6), _nodes(1, 2, 3, 0))) == 0
    assert float(loss(_output(0.1, 0.2, 0.3, 0.4), _nodes(*[HEART] * 4), _nodes(0, 0, 0, 0))) == 0

"""The paper's two-head form, and what its prior can and cannot do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cladeseg.segmentation.networks import HierarchicalHead, TwoHead
from cladeseg.taxonomy import Node, Taxonomy

FORMS = [{"prior": p, "separate_norm": s} for p in (False, True) for s in (False, True)]


def head_and_features(tree: Taxonomy, **options: Any) -> tuple[TwoHead, Tensor]:
    torch.manual_seed(0)
    return TwoHead(3, tree, hidden=5, **options).double(), torch.randn(2, 3, 6, 6, 4, dtype=torch.float64)


@pytest.fixture
def two_organs() -> Taxonomy:
    return Taxonomy(
        "two organs",
        (
            Node("background", values={"d": 0}),
            Node("kidney"),
            Node("cortex", "kidney", {"d": 1}),
            Node("medulla", "kidney", {"d": 2}),
            Node("liver"),
            Node("parenchyma", "liver", {"d": 3}),
            Node("lesion", "liver", {"d": 4}),
        ),
    )


@pytest.mark.parametrize("options", FORMS, ids=str)
def test_defect_8_several_superclasses_run_in_every_form(options: dict[str, bool], two_organs: Taxonomy) -> None:
    head, features = head_and_features(two_organs, **options)
    output = head(features)
    assert output.leaf.shape == (2, 5, 6, 6, 4)
    assert output.top.shape == (2, 3, 6, 6, 4)
    for log_p in output:
        torch.testing.assert_close(log_p.exp().sum(1), torch.ones(2, 6, 6, 4, dtype=torch.float64))


@pytest.mark.parametrize("options", FORMS, ids=str)
def test_every_parameter_gets_a_gradient(options: dict[str, bool], acdc_tree: Taxonomy) -> None:
    head, features = head_and_features(acdc_tree, **options)
    output = head(features)
    (output.leaf.square().mean() + output.top.square().mean()).backward()
    assert all(p.grad.isfinite().all() and p.grad.any() for p in head.parameters())


def test_the_prior_is_neither_activated_nor_detached(acdc_tree: Taxonomy) -> None:
    head, features = head_and_features(acdc_tree, prior=True, separate_norm=False)
    head(features).leaf.square().sum().backward()
    assert head.top.weight.grad.any()
    head, features = head_and_features(acdc_tree, prior=False, separate_norm=False)
    head(features).leaf.square().sum().backward()
    assert head.top.weight.grad is None


def test_with_separate_norm_one_background_logit_serves_both_softmaxes(acdc_tree: Taxonomy) -> None:
    head, features = head_and_features(acdc_tree, prior=False, separate_norm=True)
    output, branch_features = head(features), head.trunk(features)
    background = head.background(features)[:, 0]
    # log p(0) - log p(i) recovers the difference of logits in each softmax.
    torch.testing.assert_close(output.top[:, 0] - output.top[:, 1], background - head.top(branch_features)[:, 0])
    torch.testing.assert_close(output.leaf[:, 0] - output.leaf[:, 2], background - head.leaf(branch_features)[:, 1])


def test_two_heads_are_not_nested_which_is_why_ours_are_tied(acdc_tree: Taxonomy) -> None:
    head, features = head_and_features(acdc_tree, prior=False, separate_norm=False)
    output = head(features)
    heart_by_leaves = output.leaf[:, 1:].logsumexp(1)
    assert not torch.allclose(heart_by_leaves, output.top[:, 1], atol=1e-2)


def affine_residual(inputs: Tensor, outputs: Tensor) -> float:
    """Largest error of the best affine map from inputs (B, I, *S) to outputs (B, O, *S)."""
    x, y = (t.detach().movedim(1, -1).flatten(0, -2) for t in (inputs, outputs))
    x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    return (x @ torch.linalg.lstsq(x, y).solution - y).abs().max().item()


def inputs_and_outputs(first: nn.Module, last: nn.Module, head: nn.Module, features: Tensor) -> tuple[Tensor, Tensor]:
    """What module ``first`` and module ``last`` put out when the head runs."""
    outputs: dict[str, Tensor] = {}
    first.register_forward_hook(lambda *a: outputs.update(first=a[2].clone()))
    last.register_forward_hook(lambda *a: outputs.update(last=a[2].clone()))
    head(features)
    return outputs["first"], outputs["last"]


@pytest.mark.parametrize("separate_norm", [False, True])
def test_the_papers_prior_folds_into_one_linear_map(acdc_tree: Taxonomy, separate_norm: bool) -> None:
    head, features = head_and_features(acdc_tree, prior=True, separate_norm=separate_norm)
    assert affine_residual(*inputs_and_outputs(head.trunk, head.leaf, head, features)) < 1e-10


def test_our_prior_does_not_fold_into_a_linear_map(acdc_tree: Taxonomy) -> None:
    torch.manual_seed(0)
    ours = HierarchicalHead(3, acdc_tree, prior=True, separate_norm=False, hidden=5).double()
    features = torch.randn(2, 3, 6, 6, 4, dtype=torch.float64)
    branch_features, scores = inputs_and_outputs(ours.trunks[0], ours.classifiers[1], ours, features)
    assert affine_residual(branch_features, scores) > 1e-3

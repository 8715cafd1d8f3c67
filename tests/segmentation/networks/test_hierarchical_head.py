"""The hierarchical head gives nested log-probabilities on trees of any depth."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from cladeseg.segmentation.networks import HierarchicalHead
from cladeseg.segmentation.networks.hierarchical_head import FORMS
from cladeseg.taxonomy import Node, Taxonomy
from cladeseg.tree_math import node_log_probs

OPTIONS = [
    {"form": form, "prior": prior, "separate_norm": separate}
    for form, prior, separate in itertools.product(FORMS, (False, True), (False, True))
]


def organs_tree() -> Taxonomy:
    """Two superclasses beside a leaf at the top, and one child alone."""
    return Taxonomy(
        "organs",
        (
            Node("background", values={"d": 0}),
            Node("spleen", values={"d": 1}),
            Node("kidney"),
            Node("left", "kidney", {"d": 2}),
            Node("right", "kidney", {"d": 3}),
            Node("liver"),
            Node("parenchyma", "liver", {"d": 4}),
            Node("lesion", "liver", {"d": 5}),
            Node("core", "lesion", {"d": 6}),
        ),
    )


def head_and_features(tree: Taxonomy, **options: Any) -> tuple[HierarchicalHead, torch.Tensor]:
    torch.manual_seed(0)
    return HierarchicalHead(3, tree, hidden=5, **options), torch.randn(2, 3, 4, 4, 4)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_gives_normalised_nested_leaves_and_a_gradient_everywhere(
    options: dict[str, Any], brats_tree: Taxonomy
) -> None:
    head, features = head_and_features(brats_tree, **options)
    output = head(features)
    assert output.top is None
    assert output.leaf.shape == (2, brats_tree.num_leaves, 4, 4, 4)
    torch.testing.assert_close(output.leaf.exp().sum(1), torch.ones(2, 4, 4, 4))
    node = node_log_probs(output.leaf, brats_tree)
    for v in brats_tree.superclasses:
        assert (node[:, list(brats_tree.children(v))] <= node[:, v : v + 1]).all()
    node.mul(torch.randn_like(node)).mean().backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("form", FORMS)
def test_several_superclasses_beside_top_level_leaves_work(form: str) -> None:
    # Defect 8 of the published code: several superclasses cannot run at all.
    tree = organs_tree()
    head, features = head_and_features(tree, form=form)
    leaf = head(features).leaf
    assert leaf.shape[1] == tree.num_leaves
    torch.testing.assert_close(leaf.exp().sum(1), torch.ones(2, 4, 4, 4))


def test_a_flat_tree_is_a_plain_softmax_in_both_forms(flat_tree: Taxonomy) -> None:
    for form in FORMS:
        head, features = head_and_features(flat_tree, form=form)
        scores = head.branch_scores(features)
        assert list(scores) == [flat_tree.root]
        torch.testing.assert_close(head(features).leaf, scores[flat_tree.root].log_softmax(1))


def test_factorised_multiplies_conditional_probabilities_along_the_path(acdc_tree: Taxonomy) -> None:
    head, features = head_and_features(acdc_tree, form="factorised")
    scores = {v: s.softmax(1) for v, s in head.branch_scores(features).items()}
    root, heart, left = (scores[acdc_tree.index(name)] for name in ("root", "heart", "left_heart"))
    # root: background, heart; heart: right ventricle, left heart; left heart: myocardium, left ventricle.
    in_left_heart = root[:, 1] * heart[:, 1]
    expected = [root[:, 0], root[:, 1] * heart[:, 0], in_left_heart * left[:, 0], in_left_heart * left[:, 1]]
    torch.testing.assert_close(head(features).leaf.exp(), torch.stack(expected, dim=1))


def test_flat_sums_the_scores_along_the_path(acdc_tree: Taxonomy) -> None:
    head, features = head_and_features(acdc_tree, form="flat")
    scores = head.branch_scores(features)
    root, heart, left = (scores[acdc_tree.index(name)] for name in ("root", "heart", "left_heart"))
    ventricle = root[:, 1] + heart[:, 1] + left[:, 1]
    ratio = head(features).leaf[:, 3] - head(features).leaf[:, 0]
    torch.testing.assert_close(ratio, ventricle - root[:, 0], rtol=1e-4, atol=1e-5)


def gradient_of_root_branch(tree: Taxonomy, **options: Any) -> torch.Tensor | None:
    """Gradient that the deepest branch's scores alone send into the root branch."""
    head, features = head_and_features(tree, **options)
    head.branch_scores(features)[tree.inner[1]].square().sum().backward()
    return head.classifiers[0][0].weight.grad


def test_the_prior_carries_a_gradient_unless_it_is_off(acdc_tree: Taxonomy) -> None:
    assert gradient_of_root_branch(acdc_tree, prior=True).any()
    assert gradient_of_root_branch(acdc_tree, prior=False) is None


def test_a_branch_is_as_wide_as_the_features_by_default(acdc_tree: Taxonomy) -> None:
    assert [trunk[2].weight.shape[:2] for trunk in HierarchicalHead(3, acdc_tree).trunks] == [(3, 3)] * 3
    assert [trunk[2].weight.shape[:2] for trunk in HierarchicalHead(3, acdc_tree, hidden=5).trunks] == [(5, 3)] * 3


def test_separate_norm_gives_each_branch_a_trunk_of_its_own(brats_tree: Taxonomy) -> None:
    separate, _ = head_and_features(brats_tree)
    shared, _ = head_and_features(brats_tree, separate_norm=False)
    assert (len(separate.trunks), len(shared.trunks)) == (3, 1)


def test_a_branch_of_its_own_can_change_without_disturbing_the_superclass_decision(acdc_tree: Taxonomy) -> None:
    head, features = head_and_features(acdc_tree, form="factorised")
    before = node_log_probs(head(features).leaf, acdc_tree)
    with torch.no_grad():
        head.trunks[1][0].weight *= 3
    after = node_log_probs(head(features).leaf, acdc_tree)
    heart, right = acdc_tree.index("heart"), acdc_tree.index("right_ventricle")
    torch.testing.assert_close(before[:, heart], after[:, heart])
    assert not torch.allclose(before[:, right], after[:, right])


def test_a_misspelt_form_is_refused_with_its_choices(acdc_tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match=r"'form' is 'wrong'.*'flat', 'factorised'"):
        HierarchicalHead(3, acdc_tree, form="wrong")

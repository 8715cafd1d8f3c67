"""The paper's loss: superclass head on every case, leaf head on finely labelled ones."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from monai.losses import DiceCELoss
from torch import Tensor

from cladeseg.segmentation.losses import TwoHeadLoss
from cladeseg.segmentation.losses.two_head_loss import top_label_table, top_taxonomy
from cladeseg.segmentation.networks import TreeOutput
from cladeseg.taxonomy import Node, Taxonomy

SHAPE = (4, 3, 2)


def random_output(tree: Taxonomy, cases: int = 2) -> tuple[TreeOutput, Tensor, Tensor]:
    """An output with the leaf and top logits behind it, which require a gradient."""
    generator = torch.Generator().manual_seed(0)
    options: dict[str, Any] = {"generator": generator, "dtype": torch.float64, "requires_grad": True}
    leaf = torch.randn(cases, tree.num_leaves, *SHAPE, **options)
    top = torch.randn(cases, len(tree.children(tree.root)), *SHAPE, **options)
    return TreeOutput(leaf.log_softmax(1), top.log_softmax(1)), leaf, top


def fine_labels(tree: Taxonomy, cases: int = 2) -> Tensor:
    return torch.randint(tree.num_leaves, (cases, 1, *SHAPE), generator=torch.Generator().manual_seed(1))


def monai(logits: Tensor, label: Tensor) -> Tensor:
    return DiceCELoss(softmax=True, to_onehot_y=True, lambda_dice=0.5, lambda_ce=0.5)(logits, label)


def test_on_fine_labels_it_is_half_dice_half_ce_of_both_heads(acdc_tree: Taxonomy) -> None:
    output, leaf, top = random_output(acdc_tree)
    label = fine_labels(acdc_tree)
    expected = monai(top, (label > 0).long()) + monai(leaf, label)
    torch.testing.assert_close(TwoHeadLoss(acdc_tree)(output, label), expected)


def test_a_coarse_case_teaches_the_leaf_head_nothing_not_even_its_background(acdc_tree: Taxonomy) -> None:
    output, leaf, top = random_output(acdc_tree)
    label = fine_labels(acdc_tree)
    label[1] = acdc_tree.collapse_table("heart")[label[1]]
    assert (label[1] == acdc_tree.background).any()
    loss = TwoHeadLoss(acdc_tree)(output, label)
    foreground = (label != acdc_tree.background).long()
    torch.testing.assert_close(loss, monai(top, foreground) + monai(leaf[:1], label[:1]))
    loss.backward()
    assert leaf.grad[0].any() and not leaf.grad[1].any()
    assert top.grad[1].any()


def test_a_case_that_is_fine_in_part_teaches_the_leaf_head_there(acdc_tree: Taxonomy) -> None:
    output, leaf, _ = random_output(acdc_tree, cases=1)
    label = fine_labels(acdc_tree, cases=1)
    label[:, :, :2] = acdc_tree.collapse_table("heart")[label[:, :, :2]]
    assert (label[:, :, 2:] > 0).any() and (label == acdc_tree.index("heart")).any()
    TwoHeadLoss(acdc_tree)(output, label).backward()
    coarse = (label == acdc_tree.index("heart")).expand_as(leaf)
    assert not leaf.grad[coarse].any() and leaf.grad[~coarse].any()


def test_an_unlabelled_case_costs_nothing(acdc_tree: Taxonomy) -> None:
    output, leaf, top = random_output(acdc_tree)
    loss = TwoHeadLoss(acdc_tree)(output, torch.full((2, 1, *SHAPE), acdc_tree.root))
    loss.backward()
    assert loss.item() == 0 and not leaf.grad.any() and not top.grad.any()


def test_each_head_has_its_weight(acdc_tree: Taxonomy) -> None:
    output, leaf, _ = random_output(acdc_tree)
    label = fine_labels(acdc_tree)
    loss = TwoHeadLoss(acdc_tree, top_weight=0.0, leaf_weight=3.0)(output, label)
    torch.testing.assert_close(loss, 3 * monai(leaf, label))


def test_defect_8_several_superclasses_each_have_their_class_at_the_top() -> None:
    tree = Taxonomy(
        "organs",
        (
            Node("kidney"),
            Node("left", "kidney", {"d": 2}),
            Node("right", "kidney", {"d": 3}),
            Node("background", values={"d": 0}),
            Node("spleen", values={"d": 1}),
            Node("liver"),
            Node("lesion", "liver", {"d": 5}),
            Node("parenchyma", "liver", {"d": 4}),
        ),
    )
    top = top_taxonomy(tree)
    assert top.leaf_names == tuple(tree.names[v] for v in tree.children(tree.root))
    assert top.num_leaves == top.root == 4
    for v, u in enumerate(top_label_table(tree).tolist()):
        assert top.names[u] in {tree.names[w] for w in tree.path(v)[:2]}
    output, _, _ = random_output(tree)
    assert TwoHeadLoss(tree)(output, fine_labels(tree)).isfinite()


def test_the_gradient_is_right_on_mixed_labels(acdc_tree: Taxonomy) -> None:
    _, leaf, top = random_output(acdc_tree)
    label = torch.randint(acdc_tree.num_nodes, (2, 1, *SHAPE), generator=torch.Generator().manual_seed(1))
    loss = TwoHeadLoss(acdc_tree)

    def value(leaf: Tensor, top: Tensor) -> Tensor:
        return loss(TreeOutput(leaf.log_softmax(1), top.log_softmax(1)), label)

    assert torch.autograd.gradcheck(value, (leaf, top))


def test_an_output_without_the_superclass_head_is_refused(acdc_tree: Taxonomy) -> None:
    output, _, _ = random_output(acdc_tree)
    for wrong in (output.leaf, TreeOutput(output.leaf)):
        with pytest.raises(ValueError, match="needs a TreeOutput with 'top'"):
            TwoHeadLoss(acdc_tree)(wrong, fine_labels(acdc_tree))


def test_negative_weights_are_refused(acdc_tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match=r"leaf_weight \(-1\)"):
        TwoHeadLoss(acdc_tree, leaf_weight=-1)


def test_it_pickles(acdc_tree: Taxonomy) -> None:
    output, _, _ = random_output(acdc_tree)
    loss, label = TwoHeadLoss(acdc_tree), fine_labels(acdc_tree)
    assert torch.equal(pickle.loads(pickle.dumps(loss))(output, label), loss(output, label))

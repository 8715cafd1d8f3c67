"""Leaf-Dice and marginal cross-entropy, after the paper, and where they differ from the tree loss."""

from __future__ import annotations

import pickle

import pytest
import torch
from monai.losses import DiceLoss
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.modules.loss import _Loss

from cladeseg.segmentation.losses import TreeLoss
from cladeseg.segmentation.losses.label_set_loss import LabelSetLoss
from cladeseg.segmentation.networks import TreeOutput
from cladeseg.taxonomy import Taxonomy

SHAPE = (3, 2, 2)


def logits_of(tree: Taxonomy, cases: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.randn(cases, tree.num_leaves, *SHAPE, generator=generator, dtype=torch.float64)


def labels(num: int, cases: int = 2) -> Tensor:
    return torch.randint(num, (cases, 1, *SHAPE), generator=torch.Generator().manual_seed(1))


def voxels(tree: Taxonomy, *names: str) -> Tensor:
    return torch.tensor([tree.index(name) for name in names]).view(1, 1, -1, 1, 1)


def probabilities(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64).T.log().view(1, len(rows[0]), len(rows), 1, 1)


def exact_dice(tree: Taxonomy, log_p: Tensor, label: Tensor, **options: bool) -> float:
    return LabelSetLoss(tree, lambda_ce=0, smooth_dr=0.0, **options)(log_p, label).item()


@pytest.mark.parametrize("squared", [True, False])
def test_with_all_leaves_known_it_is_the_flat_loss(acdc_tree, squared):
    logits, label = logits_of(acdc_tree), labels(acdc_tree.num_leaves)
    flat = DiceLoss(softmax=True, to_onehot_y=True, squared_pred=squared, smooth_nr=0.0, smooth_dr=1e-5)
    expected = flat(logits, label) + cross_entropy(logits, label[:, 0])
    torch.testing.assert_close(LabelSetLoss(acdc_tree, squared=squared)(logits.log_softmax(1), label), expected)


def test_the_dice_of_a_partly_coarse_case_by_hand(acdc_tree):
    log_p = probabilities([0.7, 0.1, 0.1, 0.1], [0.1, 0.6, 0.2, 0.1], [0.2, 0.5, 0.2, 0.1])
    label = voxels(acdc_tree, "background", "right_ventricle", "heart")
    background = 2 * 0.7 / (1 + 0.7**2 + 0.1**2 + 0.2**2)
    right = 2 * 0.6 / (1 + 0.1**2 + 0.6**2 + 0.5**2)  # the coarse voxel counts as if it were no right ventricle
    assert exact_dice(acdc_tree, log_p, label) == pytest.approx(1 - (background + right) / 4)
    background, right = 2 * 0.7 / (1 + 1.0), 2 * 0.6 / (1 + 1.2)
    assert exact_dice(acdc_tree, log_p, label, squared=False) == pytest.approx(1 - (background + right) / 4)


def test_the_cross_entropy_is_the_marginal_one(acdc_tree):
    log_p, label = logits_of(acdc_tree).log_softmax(1), labels(acdc_tree.num_nodes)
    measured = LabelSetLoss(acdc_tree, lambda_dice=0, lambda_ce=2.0)(log_p, label)
    torch.testing.assert_close(measured, 2 * TreeLoss(acdc_tree, lambda_dice=0)(log_p, label))


def test_unlike_the_tree_loss_it_pushes_leaves_down_where_they_are_open(acdc_tree):
    label = voxels(acdc_tree, "background", "right_ventricle", "heart")
    gradients = []
    for loss in (LabelSetLoss(acdc_tree, lambda_ce=0), TreeLoss(acdc_tree, lambda_ce=0)):
        log_p = probabilities([0.7, 0.1, 0.1, 0.1], [0.1, 0.6, 0.2, 0.1], [0.2, 0.5, 0.2, 0.1]).requires_grad_()
        loss(log_p, label).backward()
        gradients.append(log_p.grad[0, acdc_tree.index("right_ventricle"), 2].item())
    assert gradients[0] > 0 > gradients[1]


def test_a_leaf_without_a_voxel_costs_one_and_teaches_nothing(acdc_tree):
    log_p = probabilities([0.7, 0.1, 0.1, 0.1], [0.1, 0.6, 0.2, 0.1]).requires_grad_()
    loss = LabelSetLoss(acdc_tree, lambda_ce=0, smooth_dr=0.0)(log_p, voxels(acdc_tree, "background", "background"))
    assert loss.item() == pytest.approx(1 - 2 * 0.8 / (2 + 0.5) / 4)
    loss.backward()
    assert log_p.grad[0, 0].all() and not log_p.grad[0, 1:].any()


def test_a_root_label_costs_nothing_and_teaches_nothing(acdc_tree):
    logits = logits_of(acdc_tree).requires_grad_()
    loss = LabelSetLoss(acdc_tree)(logits.log_softmax(1), torch.full((2, 1, *SHAPE), acdc_tree.root))
    loss.backward()
    assert loss.item() == 0 and not logits.grad.any()


def test_cases_without_a_leaf_do_not_dilute_the_others(acdc_tree):
    log_p, label = logits_of(acdc_tree).log_softmax(1), labels(acdc_tree.num_leaves)
    label[1] = acdc_tree.index("heart")
    loss = LabelSetLoss(acdc_tree, lambda_ce=0)
    torch.testing.assert_close(loss(log_p, label), loss(log_p[:1], label[:1]))


def test_the_gradient_is_right_on_mixed_labels(acdc_tree):
    loss, label = LabelSetLoss(acdc_tree), labels(acdc_tree.num_nodes)
    assert torch.autograd.gradcheck(lambda x: loss(x.log_softmax(1), label), logits_of(acdc_tree).requires_grad_())


def test_it_is_a_loss_of_torch_like_the_tree_loss(acdc_tree):
    loss, log_p, label = LabelSetLoss(acdc_tree), logits_of(acdc_tree).log_softmax(1), labels(acdc_tree.num_nodes)
    assert isinstance(loss, _Loss) and not loss.state_dict()
    assert torch.equal(loss(TreeOutput(log_p), label), loss(log_p, label))
    assert torch.equal(pickle.loads(pickle.dumps(loss))(log_p, label), loss(log_p, label))
    assert loss(log_p.bfloat16(), label.to(torch.uint8)).dtype == torch.float32


def test_it_never_reads_a_value_back_from_the_device(acdc_tree):
    log_p = logits_of(acdc_tree).log_softmax(1).to("meta").requires_grad_()
    LabelSetLoss(acdc_tree)(log_p, labels(acdc_tree.num_nodes).to("meta")).backward()
    assert log_p.grad.device == torch.device("meta")


def test_what_cannot_be_is_refused(acdc_tree):
    with pytest.raises(ValueError, match="lambda_dice"):
        LabelSetLoss(acdc_tree, lambda_dice=-1)
    with pytest.raises(ValueError, match="lambda_ce"):
        LabelSetLoss(acdc_tree, lambda_ce=-1)
    with pytest.raises(ValueError, match="does not fit"):
        LabelSetLoss(acdc_tree)(logits_of(acdc_tree), labels(4)[:, 0])

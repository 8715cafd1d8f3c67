"""The tree loss asks each voxel for what its label says, and for no more."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from monai.losses import DiceCELoss
from torch import Tensor
from torch.nn.modules.loss import _Loss

from cladeseg.segmentation.losses import TreeLoss
from cladeseg.segmentation.networks import TreeOutput
from cladeseg.taxonomy import Taxonomy

SHAPE = (4, 3, 2)


@pytest.fixture(params=["flat_tree", "acdc_tree", "brats_tree"])
def tree(request: pytest.FixtureRequest) -> Taxonomy:
    return request.getfixturevalue(request.param)


def random_logits(tree: Taxonomy, cases: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.randn(cases, tree.num_leaves, *SHAPE, generator=generator, dtype=torch.float64)


def random_labels(num: int, cases: int = 2) -> Tensor:
    return torch.randint(num, (cases, 1, *SHAPE), generator=torch.Generator().manual_seed(1))


def loss_of(tree: Taxonomy, logits: Tensor, label: Tensor, **options: Any) -> Tensor:
    return TreeLoss(tree, **options)(logits.log_softmax(1), label)


def voxels(tree: Taxonomy, *names: str) -> Tensor:
    """Labels (1, 1, V, 1, 1) of one case."""
    return torch.tensor([tree.index(name) for name in names]).view(1, 1, -1, 1, 1)


def probabilities(*rows: list[float]) -> Tensor:
    """Leaf log-probabilities (1, L, V, 1, 1) from one row for each voxel."""
    return torch.tensor(rows, dtype=torch.float64).T.log().view(1, len(rows[0]), len(rows), 1, 1)


# ---- where every label is a leaf it is the ordinary loss ------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch": True},
        {"include_background": False},
        {"include_background": False, "batch": True},
        {"lambda_dice": 0.3, "lambda_ce": 2.0},
        {"smooth_nr": 1.0, "smooth_dr": 2.0},
    ],
    ids=str,
)
def test_on_leaf_labels_it_is_monais_dice_ce_on_any_tree(tree: Taxonomy, options: dict[str, Any]) -> None:
    logits, label = random_logits(tree), random_labels(tree.num_leaves)
    theirs = DiceCELoss(softmax=True, to_onehot_y=True, **{"smooth_nr": 1e-5, "smooth_dr": 1e-5, **options})
    torch.testing.assert_close(loss_of(tree, logits, label, **options), theirs(logits, label))


def test_a_leaf_that_is_known_to_be_absent_leaves_the_dice_mean(tree: Taxonomy) -> None:
    logits, label = random_logits(tree), random_labels(tree.num_leaves) * 0
    p = logits.softmax(1)[:, 0].flatten(1).sum(1)
    voxels_each = label[0].numel()
    expected = (1 - 2 * p / (p + voxels_each)).mean()  # the background's term alone
    torch.testing.assert_close(loss_of(tree, logits, label, lambda_ce=0, smooth_nr=0.0, smooth_dr=0.0), expected)


def test_an_absent_leaf_that_is_found_nevertheless_is_pushed_down(acdc_tree: Taxonomy) -> None:
    logits = probabilities([0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1]).requires_grad_()
    TreeLoss(acdc_tree)(logits.log_softmax(1), voxels(acdc_tree, "background", "background")).backward()
    assert (logits.grad[0, 1:] > 0).all()


def test_a_deep_tree_equals_a_flat_one_with_the_same_leaves(acdc_tree: Taxonomy, brats_tree: Taxonomy) -> None:
    logits, label = random_logits(acdc_tree), random_labels(4)
    torch.testing.assert_close(loss_of(acdc_tree, logits, label), loss_of(brats_tree, logits, label))


# ---- the root says nothing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"batch": True}, {"smooth_dr": 0.0}], ids=str)
def test_a_root_label_costs_nothing_and_teaches_nothing(tree: Taxonomy, options: dict[str, Any]) -> None:
    logits = random_logits(tree).requires_grad_()
    loss = loss_of(tree, logits, torch.full((2, 1, *SHAPE), tree.root), **options)
    assert loss.item() == 0
    loss.backward()
    assert not logits.grad.any()


def test_unlabelled_cases_do_not_dilute_the_others(tree: Taxonomy) -> None:
    logits, label = random_logits(tree), random_labels(tree.num_leaves)
    label[1] = tree.root
    torch.testing.assert_close(loss_of(tree, logits, label), loss_of(tree, logits[:1], label[:1]))


def test_unlabelled_voxels_cost_nothing_wherever_they_are(acdc_tree: Taxonomy) -> None:
    logits = random_logits(acdc_tree).requires_grad_()
    label = random_labels(acdc_tree.num_nodes)
    loss_of(acdc_tree, logits, label).backward()
    unknown = (label == acdc_tree.root).expand_as(logits)
    assert unknown.any() and not logits.grad[unknown].any()
    assert logits.grad[~unknown].any()


# ---- marginal cross-entropy -----------------------------------------------------------------------------------------


def test_a_superclass_label_costs_minus_log_of_the_sum_of_its_leaves(acdc_tree: Taxonomy) -> None:
    log_p = probabilities([0.5, 0.2, 0.2, 0.1], [0.1, 0.3, 0.2, 0.4])
    loss = TreeLoss(acdc_tree, lambda_dice=0)(log_p, voxels(acdc_tree, "heart", "left_heart"))
    expected = -(torch.tensor(0.5).log() + torch.tensor(0.6).log()) / 2
    assert loss.item() == pytest.approx(expected.item())


def test_a_coarse_label_prefers_no_leaf_over_an_equally_likely_one(acdc_tree: Taxonomy) -> None:
    log_p = probabilities([0.4, 0.2, 0.2, 0.2]).requires_grad_()
    for lambdas in ({"lambda_dice": 0}, {"lambda_ce": 0}):
        (gradient,) = torch.autograd.grad(TreeLoss(acdc_tree, **lambdas)(log_p, voxels(acdc_tree, "heart")), log_p)
        background, *heart = gradient.flatten().tolist()
        assert heart == pytest.approx([heart[0]] * 3)
        assert heart[0] < 0 <= background


def test_the_gradient_of_the_marginal_is_the_posterior_of_the_leaf(acdc_tree: Taxonomy) -> None:
    log_p = probabilities([0.4, 0.1, 0.2, 0.3]).requires_grad_()
    TreeLoss(acdc_tree, lambda_dice=0)(log_p, voxels(acdc_tree, "left_heart")).backward()
    # d(-log p(v)) / d(log p(l)) = -p(l) / p(v) for the leaves l of v, and 0 for the others.
    assert log_p.grad.flatten().tolist() == pytest.approx([0, 0, -0.2 / 0.5, -0.3 / 0.5])


# ---- marginal Dice --------------------------------------------------------------------------------------------------


def dice_of(tree: Taxonomy, log_p: Tensor, label: Tensor, **options: Any) -> float:
    exact = {"lambda_ce": 0, "smooth_nr": 0.0, "smooth_dr": 0.0}
    return TreeLoss(tree, **{**exact, **options})(log_p, label).item()


def test_a_coarse_case_has_the_terms_of_its_superclass_and_the_background(acdc_tree: Taxonomy) -> None:
    log_p = probabilities([0.8, 0.1, 0.1, 0.0], [0.3, 0.1, 0.2, 0.4])
    background = 1 - 2 * 0.8 / (0.8 + 0.3 + 1)
    heart = 1 - 2 * 0.7 / (0.2 + 0.7 + 1)
    found = dice_of(acdc_tree, log_p, voxels(acdc_tree, "background", "heart"))
    assert found == pytest.approx((background + heart) / 2)
    assert dice_of(
        acdc_tree, log_p, voxels(acdc_tree, "background", "heart"), include_background=False
    ) == pytest.approx(heart)


def test_a_superclass_has_no_term_where_all_its_voxels_are_labelled_finer(acdc_tree: Taxonomy) -> None:
    log_p = probabilities([0.8, 0.1, 0.1, 0.0], [0.3, 0.1, 0.2, 0.4])
    leaves = [1 - 1.6 / 2.1, 1 - 0.8 / 1.4]  # the two absent ones are known to be absent
    found = dice_of(acdc_tree, log_p, voxels(acdc_tree, "background", "left_ventricle"))
    assert found == pytest.approx(sum(leaves) / 2)


def test_a_partly_fine_case_judges_a_leaf_only_where_its_label_decides(acdc_tree: Taxonomy) -> None:
    rows = [0.7, 0.1, 0.1, 0.1], [0.1, 0.6, 0.2, 0.1], [0.2, 0.5, 0.2, 0.1]
    label = voxels(acdc_tree, "background", "right_ventricle", "heart")
    # Voxel 3 is open for the right ventricle; myocardium and left ventricle might be there too, so they have no term.
    background = 1 - 2 * 0.7 / (0.7 + 0.1 + 0.2 + 1)
    right = 1 - 2 * 0.6 / (0.1 + 0.6 + 1)
    heart = 1 - 2 * (0.9 + 0.8) / (0.3 + 0.9 + 0.8 + 2)
    assert dice_of(acdc_tree, probabilities(*rows), label) == pytest.approx((background + right + heart) / 3)


def test_defect_5_a_false_positive_outside_the_unknown_region_costs_dice(acdc_tree: Taxonomy) -> None:
    label = voxels(acdc_tree, "background", "right_ventricle", "heart", "root")
    good = [[0.97, 0.01, 0.01, 0.01], [0.01, 0.97, 0.01, 0.01], [0.01, 0.33, 0.33, 0.33], [0.25] * 4]
    false_positive = [[0.01, 0.97, 0.01, 0.01], *good[1:]]
    assert (
        dice_of(acdc_tree, probabilities(*false_positive), label)
        > dice_of(acdc_tree, probabilities(*good), label) + 0.2
    )


def test_defect_5_each_known_negative_voxel_pushes_the_leaf_down(acdc_tree: Taxonomy) -> None:
    log_p = probabilities(*[[0.4, 0.3, 0.2, 0.1]] * 4).requires_grad_()
    label = voxels(acdc_tree, "background", "right_ventricle", "left_heart", "heart")
    TreeLoss(acdc_tree, lambda_ce=0, include_background=False)(log_p, label).backward()
    right_ventricle = log_p.grad[0, acdc_tree.index("right_ventricle"), :, 0, 0]
    assert right_ventricle[0] > 0  # background: a false positive
    assert right_ventricle[1] < 0  # the ventricle itself
    assert right_ventricle[2] != 0  # left heart: outside the right ventricle, inside the heart
    # In the heart at large the leaf's own term is silent; only the heart's speaks, and alike for all its leaves.
    assert (log_p.grad / log_p.detach().exp())[0, 1:, 3].flatten().diff().abs().max() < 1e-12


def test_open_voxels_do_not_reach_the_term_of_a_leaf(acdc_tree: Taxonomy) -> None:
    known = [[0.7, 0.1, 0.1, 0.1], [0.1, 0.6, 0.2, 0.1]]
    label = voxels(acdc_tree, "background", "right_ventricle", "root")
    results = [
        dice_of(acdc_tree, probabilities(*known, last), label) for last in ([0.25] * 4, [0.01, 0.97, 0.01, 0.01])
    ]
    assert results[0] == pytest.approx(results[1])


def test_with_batch_a_case_without_the_term_stays_out_of_the_ratio(acdc_tree: Taxonomy) -> None:
    fine, coarse = probabilities([0.3, 0.3, 0.2, 0.2]), probabilities([0.1, 0.7, 0.1, 0.1])
    label = torch.cat([voxels(acdc_tree, "right_ventricle"), voxels(acdc_tree, "heart")])
    right, heart = 1 - 2 * 0.3 / 1.3, 1 - 2 * 0.9 / 1.9
    found = dice_of(acdc_tree, torch.cat([fine, coarse]), label, batch=True)
    assert found == pytest.approx((right + heart) / 2)  # what is absent has no term


# ---- numbers and types ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"batch": True}], ids=str)
def test_the_gradient_is_right_on_mixed_labels(acdc_tree: Taxonomy, options: dict[str, Any]) -> None:
    label = random_labels(acdc_tree.num_nodes)
    loss = TreeLoss(acdc_tree, **options)
    logits = random_logits(acdc_tree).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x.log_softmax(1), label), logits)


def test_double_stays_double_and_half_becomes_float32(acdc_tree: Taxonomy) -> None:
    logits, label = random_logits(acdc_tree), random_labels(acdc_tree.num_nodes)
    assert loss_of(acdc_tree, logits, label).dtype == torch.float64
    assert loss_of(acdc_tree, logits.bfloat16(), label).dtype == torch.float32


def test_autocast_does_not_round_the_sums_over_the_volume(acdc_tree: Taxonomy) -> None:
    log_p, label = random_logits(acdc_tree).float().log_softmax(1), random_labels(acdc_tree.num_nodes)
    exact = TreeLoss(acdc_tree)(log_p, label)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(TreeLoss(acdc_tree)(log_p, label), exact)


def test_leaves_under_a_superclass_are_neighbours_in_whatever_order_nodes_are_written(brats_tree: Taxonomy) -> None:
    # The marginal is taken over a range of channels.
    reversed_tree = Taxonomy("reversed", tuple(reversed(brats_tree.nodes)))
    for tree in (brats_tree, reversed_tree):
        for v in tree.superclasses:
            leaves = tree.leaves(v)
            assert list(leaves) == list(range(leaves[0], leaves[-1] + 1))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float32])
def test_labels_may_be_of_any_number_type(acdc_tree: Taxonomy, dtype: torch.dtype) -> None:
    logits, label = random_logits(acdc_tree), random_labels(acdc_tree.num_nodes)
    assert torch.equal(loss_of(acdc_tree, logits, label.to(dtype)), loss_of(acdc_tree, logits, label))


def test_a_tree_output_and_its_leaves_cost_the_same(acdc_tree: Taxonomy) -> None:
    log_p, label = random_logits(acdc_tree).log_softmax(1), random_labels(acdc_tree.num_nodes)
    loss = TreeLoss(acdc_tree)
    assert torch.equal(loss(TreeOutput(log_p), label), loss(log_p, label))


def test_extreme_logits_keep_loss_and_gradient_finite(acdc_tree: Taxonomy) -> None:
    logits = (1e4 * random_logits(acdc_tree).float()).requires_grad_()
    loss = loss_of(acdc_tree, logits, random_labels(acdc_tree.num_nodes))
    loss.backward()
    assert loss.isfinite() and logits.grad.isfinite().all()


def test_it_is_a_loss_of_torch_that_pickles_and_stores_no_weights(acdc_tree: Taxonomy) -> None:
    loss = TreeLoss(acdc_tree)
    log_p, label = random_logits(acdc_tree).log_softmax(1), random_labels(acdc_tree.num_nodes)
    assert isinstance(loss, _Loss)
    assert not loss.state_dict()
    assert torch.equal(pickle.loads(pickle.dumps(loss))(log_p, label), loss(log_p, label))


def test_it_never_reads_a_value_back_from_the_device(acdc_tree: Taxonomy) -> None:
    # On the meta device tensors have no values: whatever branches on one raises.
    log_p = random_logits(acdc_tree).log_softmax(1).to("meta").requires_grad_()
    for batch in (False, True):
        loss = TreeLoss(acdc_tree, batch=batch)(log_p, random_labels(acdc_tree.num_nodes).to("meta"))
        loss.backward()
    assert loss.device == log_p.grad.device == torch.device("meta")


# ---- refusals -------------------------------------------------------------------------------------------------------


def test_a_negative_weight_is_refused(acdc_tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match=r"lambda_ce \(-1\) must not be negative"):
        TreeLoss(acdc_tree, lambda_ce=-1)


def test_shapes_that_do_not_fit_are_refused(acdc_tree: Taxonomy) -> None:
    logits, label = random_logits(acdc_tree), random_labels(4)
    with pytest.raises(ValueError, match=r"has 4 leaves.*5 channels"):
        loss_of(acdc_tree, torch.cat([logits, logits[:, :1]], 1), label)
    with pytest.raises(ValueError, match="does not fit"):
        loss_of(acdc_tree, logits, label[:, 0])

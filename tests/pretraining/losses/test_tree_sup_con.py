"""SupCon weighted by the label tree."""

from __future__ import annotations

import pytest
import torch
from contrast_trees import flat_tree, heart_tree

from cladeseg.pretraining.losses import SupConLoss, TreeSupConLoss
from cladeseg.pretraining.losses.row_blocks import unit_rows
from cladeseg.pretraining.losses.tree_sup_con import pair_weights
from cladeseg.taxonomy import Taxonomy


def nodes(tree: Taxonomy, *names: str) -> torch.Tensor:
    return torch.tensor([tree.index(name) for name in names])


def features(count: int) -> torch.Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(
    ("one", "other", "weight"),
    [
        ("lv", "lv", 1),
        ("lv", "myo", 2 / 3),
        ("lv", "rv", 1 / 3),
        ("rv", "rv", 1),
        ("heart", "heart", 1 / 3),  # which of its leaves is not known
        ("heart", "lv", 1 / 3),
        ("left", "left", 2 / 3),
        ("background", "background", 1),
        ("background", "lv", 0),
        ("root", "lv", 0),
        ("root", "root", 0),
    ],
)
def test_a_pair_weighs_what_its_nodes_share_of_the_tree(one: str, other: str, weight: float) -> None:
    tree = heart_tree()
    table = pair_weights(tree)
    assert table[tree.index(one), tree.index(other)].item() == pytest.approx(weight)
    assert torch.equal(table, table.T)


def test_on_a_flat_tree_it_is_sup_con() -> None:
    tree = flat_tree()
    labels = nodes(tree, "a", "b", "a", "background", "background", "b", "b")
    torch.testing.assert_close(TreeSupConLoss(tree, 0.1)(features(7), labels), SupConLoss(0.1)(features(7), labels))


def test_the_value_is_the_closed_form() -> None:
    tree = heart_tree()
    labels = nodes(tree, "lv", "myo", "rv", "background")
    logits = unit_rows(features(4)) @ unit_rows(features(4)).T / 0.2
    logits.fill_diagonal_(-torch.inf)
    log_p = logits.log_softmax(dim=1)
    weights = {0: {1: 2 / 3, 2: 1 / 3}, 1: {0: 2 / 3, 2: 1 / 3}, 2: {0: 1 / 3, 1: 1 / 3}}
    expected = [-sum(w * log_p[i, j] for j, w in row.items()) / sum(row.values()) for i, row in weights.items()]
    loss = TreeSupConLoss(tree, 0.2)
    torch.testing.assert_close(loss(features(4), labels), torch.stack(expected).mean())
    assert loss.skipped == 1  # the background voxel is alone


def test_voxels_of_which_nothing_is_known_are_skipped() -> None:
    tree = heart_tree()
    loss = TreeSupConLoss(tree, 0.2)
    loss(features(4), nodes(tree, "root", "root", "lv", "lv"))
    assert loss.skipped == 2


def test_gradcheck() -> None:
    tree = heart_tree()
    labels = nodes(tree, "lv", "myo", "rv", "background", "heart")
    assert torch.autograd.gradcheck(TreeSupConLoss(tree, 0.3), (features(5).requires_grad_(), labels))

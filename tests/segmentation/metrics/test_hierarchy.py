from __future__ import annotations

import numpy as np
import pytest
import torch

from cladeseg.segmentation.metrics import (
    HierarchyRecord,
    hierarchy_of_case,
    nesting_violations,
    nesting_violations_of_log_probs,
)
from cladeseg.segmentation.metrics.masks import inside


def row(tree, *names) -> np.ndarray:
    return np.array([tree.index(name) for name in names], dtype=np.uint8).reshape(-1, 1, 1)


def random_node_masks(tree, seed: int) -> np.ndarray:
    nodes = np.random.default_rng(seed).integers(0, tree.num_leaves, (5, 4, 3))
    return np.stack([inside(nodes, v, tree) for v in range(tree.num_nodes)])


def test_an_error_of_the_superclass_is_not_blamed_on_its_children(brats_tree):
    # Both agree on the core in voxels 1 and 2 only; there one of two leaves is right.
    truth = row(brats_tree, "necrosis", "necrosis", "enhancing", "background")
    predicted = row(brats_tree, "background", "necrosis", "necrosis", "necrosis")
    found = {record.node: record for record in hierarchy_of_case("c", predicted, truth, brats_tree)}
    assert set(found) == {"oedema", "tumour_core", "necrosis", "enhancing"}
    assert found["necrosis"] == HierarchyRecord("c", "necrosis", 2 * 1 / 3, "ok", "dice_given_parent")
    assert (found["enhancing"].value, found["enhancing"].status) == (0.0, "missed")
    assert (found["tumour_core"].value, found["tumour_core"].status) == (1.0, "ok")
    assert (found["oedema"].value, found["oedema"].status) == (None, "both_empty")


def test_a_tree_without_superclasses_has_nothing_to_ask(flat_tree):
    assert hierarchy_of_case("c", row(flat_tree, "a", "b"), row(flat_tree, "a", "a"), flat_tree) == []


def test_children_that_the_truth_leaves_open_are_left_out(acdc_tree):
    truth = row(acdc_tree, "left_heart", "right_ventricle")
    predicted = row(acdc_tree, "myocardium", "right_ventricle")
    nodes = [record.node for record in hierarchy_of_case("c", predicted, truth, acdc_tree)]
    assert nodes == ["right_ventricle", "left_heart"]


def test_masks_of_one_leaf_map_are_nested(acdc_tree):
    assert nesting_violations(random_node_masks(acdc_tree, 0), acdc_tree) == 0


def test_each_voxel_outside_its_parent_is_counted_once(acdc_tree):
    masks = np.zeros((acdc_tree.num_nodes, 3, 1, 1), dtype=bool)
    # Voxel 0: a leaf and its parent outside the grandparent, and a second leaf outside both. Voxel 1: a top-level
    # structure alone, which is no violation. Voxel 2: a leaf outside its parent.
    masks[[acdc_tree.index(name) for name in ("myocardium", "left_heart", "right_ventricle")], 0] = True
    masks[acdc_tree.index("heart"), 1] = True
    masks[[acdc_tree.index(name) for name in ("left_ventricle", "heart")], 2] = True
    assert nesting_violations(masks, acdc_tree) == 2


@pytest.mark.parametrize("tree_name", ["acdc_tree", "brats_tree", "flat_tree"])
def test_sums_of_leaf_probabilities_are_nested(tree_name, request):
    tree = request.getfixturevalue(tree_name)
    logits = 8 * torch.randn(tree.num_leaves, 6, 5, 4, generator=torch.Generator().manual_seed(0))
    assert nesting_violations_of_log_probs(logits.log_softmax(0), tree) == 0


def test_a_product_of_conditionals_is_nested(brats_tree):
    # log p(node) = log p(parent) + log p(node | parent), for random conditionals: nested whatever they are.
    generator = torch.Generator().manual_seed(1)
    log_probs = torch.zeros(brats_tree.num_nodes, 6, 5, 4)
    for v in brats_tree.inner:
        children = list(brats_tree.children(v))
        scores = 8 * torch.randn(len(children), 6, 5, 4, generator=generator)
        log_probs[children] = log_probs[v] + scores.log_softmax(0)
    assert nesting_violations_of_log_probs(log_probs, brats_tree) == 0


def test_an_independent_head_that_contradicts_its_parent_is_counted(brats_tree):
    log_probs = torch.full((brats_tree.num_nodes, 4), 0.5).log()
    log_probs[brats_tree.index("necrosis"), 1] = np.log(0.6)
    log_probs[brats_tree.index("whole_tumour"), 3] = np.log(0.5 - 1e-7)  # rounding
    assert nesting_violations_of_log_probs(log_probs, brats_tree) == 1
    assert nesting_violations_of_log_probs(log_probs, brats_tree, tolerance=0.2) == 0


def test_channels_that_are_neither_leaves_nor_nodes_are_refused(acdc_tree):
    with pytest.raises(ValueError, match=r"5 channels .* 'acdc', which has 4 or 7"):
        nesting_violations_of_log_probs(torch.zeros(5, 2, 2, 2), acdc_tree)
    with pytest.raises(ValueError, match=r"4 channels .* 'acdc', which has 7"):
        nesting_violations(np.zeros((4, 2, 2, 2), dtype=bool), acdc_tree)

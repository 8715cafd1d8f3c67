"""Hard pseudo labels are free or bound to what is known; boxes lie wholly inside, everywhere they can."""

from __future__ import annotations

import pytest
import torch

from cladeseg.segmentation.baselines.common import hard_labels, random_box

# ---- hard labels -----------------------------------------------------------------------------------------------------


def random_views(tree, scale: float) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    leaf = (scale * torch.randn(2, tree.num_leaves, 4, 4, 4, generator=generator)).log_softmax(1)
    return leaf, torch.randint(tree.num_nodes, (2, 1, 4, 4, 4), generator=generator, dtype=torch.uint8)


def test_the_published_label_is_the_most_probable_leaf_whatever_is_known(acdc_tree):
    leaf, known = random_views(acdc_tree, 1.0)
    label = hard_labels(leaf, known, acdc_tree)
    assert torch.equal(label.nodes[:, 0].long(), leaf.argmax(1))
    torch.testing.assert_close(label.confidence[:, 0], leaf.exp().amax(1))
    assert not acdc_tree.contains[known.long(), label.nodes.long()].all()


@pytest.mark.parametrize("scale", [1.0, 300.0], ids=["undecided", "confident of the impossible"])
def test_respected_nodes_are_never_contradicted(acdc_tree, scale):
    leaf, known = random_views(acdc_tree, scale)
    label = hard_labels(leaf, known, acdc_tree, respect_nodes=True)
    assert acdc_tree.contains[known.long(), label.nodes.long()].all()
    assert label.nodes.dtype == known.dtype and label.confidence.isfinite().all()


def test_an_impossible_node_still_gets_one_of_its_own_leaves(acdc_tree):
    leaf = torch.full((1, acdc_tree.num_leaves, 1, 1, 1), -torch.inf)
    leaf[:, acdc_tree.background] = 0
    known = torch.full((1, 1, 1, 1, 1), acdc_tree.index("left_heart"))
    label = hard_labels(leaf, known, acdc_tree, respect_nodes=True)
    assert acdc_tree.contains[acdc_tree.index("left_heart"), label.nodes.item()]


def test_the_confidence_is_that_within_the_known_node(acdc_tree):
    p = torch.tensor([0.6, 0.1, 0.2, 0.1]).log().view(1, 4, 1, 1, 1)
    known = torch.full((1, 1, 1, 1, 1), acdc_tree.index("heart"))
    label = hard_labels(p, known, acdc_tree, respect_nodes=True)
    assert label.nodes.item() == acdc_tree.index("myocardium")
    assert label.confidence.item() == pytest.approx(0.5)
    free = hard_labels(p, known, acdc_tree)
    assert free.nodes.item() == acdc_tree.background and free.confidence.item() == pytest.approx(0.6)


def test_labels_carry_no_gradient(acdc_tree):
    leaf, known = random_views(acdc_tree, 1.0)
    assert not hard_labels(leaf.requires_grad_(), known, acdc_tree).confidence.requires_grad


# ---- boxes -----------------------------------------------------------------------------------------------------------


def test_a_box_has_its_sides_and_reaches_both_ends():
    generator, corners = torch.Generator().manual_seed(0), set()
    for _ in range(100):
        box = random_box((4, 4, 2), (2, 3, 2), generator)
        assert box.shape == (4, 4, 2) and box.sum() == 2 * 3 * 2
        inside = box.nonzero()
        assert (inside.amax(0) - inside.amin(0) + 1).tolist() == [2, 3, 2]
        corners.add(tuple(inside.amin(0).tolist()))
    assert corners == {(x, y, 0) for x in range(3) for y in range(2)}


def test_a_side_of_zero_is_an_empty_box():
    assert not random_box((4, 4, 4), (0, 2, 2), torch.Generator()).any()


@pytest.mark.parametrize("sides", [(5, 1, 1), (-1, 1, 1), (1, 1)])
def test_a_box_that_does_not_fit_is_refused(sides):
    with pytest.raises(ValueError, match="does not fit"):
        random_box((4, 4, 4), sides, torch.Generator())

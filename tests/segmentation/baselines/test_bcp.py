"""Copy-paste both ways: which voxel comes from where, and what it is called."""

from __future__ import annotations

import pytest
import torch
from tiny_batches import batch_of
from torch.nn import Module

from cladeseg.segmentation.baselines import BcpStep
from cladeseg.segmentation.baselines.bcp import paste_both_ways
from cladeseg.segmentation.losses import build_loss

ROOT = 9


def test_a_box_of_two_thirds_is_cut_from_4_voxels_by_hand():
    box = torch.zeros(4, 4, 4, dtype=torch.bool)
    box[1:3, 0:2, 2:4] = True
    labelled, nodes = torch.full((2, 1, 4, 4, 4), 1.0), torch.full((2, 1, 4, 4, 4), 3)
    labelled[1], nodes[1] = 2.0, 4
    unlabelled, pseudo = torch.full((1, 1, 4, 4, 4), -1.0), torch.full((1, 1, 4, 4, 4), 5)
    image, true, pseudo_part = paste_both_ways(box, labelled, nodes, unlabelled, pseudo, root=ROOT)

    assert image.shape == true.shape == pseudo_part.shape == (2, 1, 4, 4, 4)
    # The unlabelled case in the box of the first partner: 8 voxels of 64.
    assert (image[0] == -1).sum() == 8 and (image[0, 0, 1:3, 0:2, 2:4] == -1).all() and (image[0] == 1).sum() == 56
    assert (true[0, 0][box] == ROOT).all() and (true[0, 0][~box] == 3).all()
    assert (pseudo_part[0, 0][box] == 5).all() and (pseudo_part[0, 0][~box] == ROOT).all()
    # The second partner in the box of the unlabelled case.
    assert (image[1] == 2).sum() == 8 and (image[1, 0, 1:3, 0:2, 2:4] == 2).all() and (image[1] == -1).sum() == 56
    assert (true[1, 0][box] == 4).all() and (true[1, 0][~box] == ROOT).all()
    assert (pseudo_part[1, 0][box] == ROOT).all() and (pseudo_part[1, 0][~box] == 5).all()


def test_each_unlabelled_case_meets_its_own_pseudo_labels():
    box = torch.zeros(2, 2, 2, dtype=torch.bool)
    box[0] = True
    images, nodes = torch.zeros(4, 1, 2, 2, 2), torch.zeros(4, 1, 2, 2, 2, dtype=torch.long)
    cases = torch.tensor([1, 2]).view(2, 1, 1, 1, 1).expand(2, 1, 2, 2, 2)
    mixed = paste_both_ways(box, images, nodes, cases.float(), cases, root=ROOT)
    from_unlabelled = mixed.image != 0
    assert torch.equal(mixed.image[from_unlabelled], mixed.pseudo[from_unlabelled].float())
    assert (mixed.pseudo[~from_unlabelled] == ROOT).all() and (mixed.true[from_unlabelled] == ROOT).all()
    assert mixed.image[:, 0, 0, 0, 0].tolist() == [1, 2, 0, 0]


def test_the_mix_loss_weighs_both_parts(acdc_tree):
    """The mixed images are caught on their way into the network, and the loss is taken anew by hand."""
    given, loss = batch_of(acdc_tree, "fine", "heart"), build_loss(acdc_tree)
    step = BcpStep(acdc_tree, loss, ramp=0, pseudo_weight=0.5)
    start = given.generator.get_state()
    measured = step(given)["unsupervised"]
    given.generator.set_state(start)
    mixed = step._mix(given, [0], [1])
    output = given.network(mixed.image)
    torch.testing.assert_close(measured, loss(output, mixed.true) + 0.5 * loss(output, mixed.pseudo))
    # Sides of 8, 8 and 4 voxels: boxes of 5, 5 and 2.
    assert (mixed.true[0] == acdc_tree.root).sum() == (mixed.pseudo[1] == acdc_tree.root).sum() == 5 * 5 * 2
    outside = mixed.true[0] != acdc_tree.root
    assert torch.equal(mixed.true[0][outside], given.nodes[0][outside])
    assert torch.equal(mixed.image[0][outside], given.images[0][outside])
    assert torch.equal(mixed.image[0][~outside], given.images[1][~outside])


class Says(Module):
    """A network that predicts one node map with confidence, whatever the image."""

    def __init__(self, nodes: torch.Tensor, num_leaves: int) -> None:
        super().__init__()
        self.leaf = 10 * torch.nn.functional.one_hot(nodes.long(), num_leaves).movedim(-1, 1).float()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.leaf[: len(images)].log_softmax(1)


@pytest.mark.parametrize(("respect", "left"), [(False, "background"), (True, "heart")])
def test_only_the_largest_component_of_a_leaf_is_believed(acdc_tree, respect, left):
    myocardium, heart = acdc_tree.index("myocardium"), acdc_tree.index("heart")
    said = torch.zeros(1, 8, 8, 4)
    said[0, 1:4, 1:4, 1:3] = myocardium
    said[0, 7, 7, 3] = myocardium  # a speck
    given = batch_of(acdc_tree, "heart")
    given = given._replace(nodes=torch.full_like(given.nodes, heart))
    given.teacher.network = Says(said, acdc_tree.num_leaves)
    step = BcpStep(acdc_tree, build_loss(acdc_tree), respect_nodes=respect)
    label = step.pseudo_labels(given, [0])[0, 0]
    assert (label == myocardium).sum() == 3 * 3 * 2
    assert label[7, 7, 3] == acdc_tree.index(left)
    assert label.dtype == given.nodes.dtype
    every = BcpStep(acdc_tree, build_loss(acdc_tree), largest_component=False).pseudo_labels(given, [0])[0, 0]
    assert every[7, 7, 3] == myocardium


def test_respected_pseudo_labels_lie_in_the_known_node(acdc_tree):
    given = batch_of(acdc_tree, "heart", "unlabelled", "heart")
    label = BcpStep(acdc_tree, build_loss(acdc_tree), respect_nodes=True).pseudo_labels(given, [0, 1, 2])
    assert acdc_tree.contains[given.nodes.long(), label.long()].all()


def test_before_the_start_labelled_cases_are_mixed_with_each_other(acdc_tree):
    given, loss = batch_of(acdc_tree, "fine", "heart", "fine"), build_loss(acdc_tree)
    step = BcpStep(acdc_tree, loss, start=5, weight=0.7)
    start = given.generator.get_state()
    losses = step(given)
    given.generator.set_state(start)
    mixed = step._mix_of_labelled(given, [0, 2])
    fine = given.nodes[[0, 2]]
    whole = torch.where(mixed.true == acdc_tree.root, mixed.pseudo, mixed.true)
    assert (whole < acdc_tree.num_leaves).all()  # every voxel has a leaf, its own case's
    assert torch.equal(whole[:2], torch.where(mixed.pseudo[:2] == acdc_tree.root, fine.flip(0), fine))
    output = given.network(mixed.image)
    torch.testing.assert_close(losses["unsupervised"], loss(output, mixed.true) + loss(output, mixed.pseudo))
    torch.testing.assert_close(losses["loss"], losses["supervised"] + 0.7 * losses["unsupervised"])


def test_a_single_labelled_case_has_none_to_be_mixed_with(acdc_tree):
    assert set(BcpStep(acdc_tree, build_loss(acdc_tree), start=5)(batch_of(acdc_tree, "fine", "heart"))) == {"loss"}

"""Weak-to-strong consistency: the threshold, the strong views and the dropped features."""

from __future__ import annotations

import pytest
import torch
from tiny_batches import batch_of
from torch import nn

from cladeseg.segmentation.baselines import UniMatchStep
from cladeseg.segmentation.baselines.unimatch import drop_channels
from cladeseg.segmentation.losses import build_loss


def unimatch(tree, **options):
    return UniMatchStep(tree, build_loss(tree), **{"ramp": 0, **options})


class Gradient(nn.Module):
    """p(first leaf) rises along the first axis from 0.3 to 1; the other leaves share the rest."""

    def __init__(self, num_leaves: int) -> None:
        super().__init__()
        self.num_leaves = num_leaves

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        first = torch.linspace(0.3, 1.0, images.shape[2]).view(1, 1, -1, 1, 1).expand(len(images), 1, *images.shape[2:])
        return torch.cat([first] + [(1 - first) / (self.num_leaves - 1)] * (self.num_leaves - 1), 1).log()


def test_what_is_under_the_threshold_becomes_the_root(acdc_tree):
    given = batch_of(acdc_tree, "unlabelled")
    given.teacher.network = Gradient(acdc_tree.num_leaves)  # 0.3, 0.4 … 1.0
    label = unimatch(acdc_tree, threshold=0.75).confident_labels(given, [0])
    assert (label[0, 0, :5] == acdc_tree.root).all() and (label[0, 0, 5:] == acdc_tree.background).all()
    assert label.dtype == given.nodes.dtype


def test_the_threshold_on_respected_nodes_asks_for_the_leaf_within_its_node(acdc_tree):
    given = batch_of(acdc_tree, "unlabelled")
    heart, right = acdc_tree.index("heart"), acdc_tree.index("right_ventricle")
    given = given._replace(nodes=torch.full_like(given.nodes, heart))
    given.teacher.network = Gradient(acdc_tree.num_leaves)  # 1/3 for each leaf of the heart, everywhere
    assert (unimatch(acdc_tree, threshold=0.4, respect_nodes=True).confident_labels(given, [0]) == acdc_tree.root).all()
    label = unimatch(acdc_tree, threshold=0.3, respect_nodes=True).confident_labels(given, [0])
    assert acdc_tree.contains[heart, label.long()].all() and (label[0, 0, :7] == right).all()


def test_where_the_teacher_is_never_confident_nothing_is_asked(acdc_tree):
    losses = unimatch(acdc_tree, threshold=1.0)(batch_of(acdc_tree, "fine", "heart", "unlabelled"))
    assert losses["unsupervised"] == 0 and losses["loss"] == losses["supervised"]


def test_without_any_perturbation_the_loss_is_that_of_the_weak_view(acdc_tree):
    given, loss = batch_of(acdc_tree, "fine", "heart", "unlabelled"), build_loss(acdc_tree)
    step = unimatch(acdc_tree, threshold=0.0, dropout=0.0, cutmix=0.0)
    step.strong_view = lambda images, generator: images
    target = step.confident_labels(given, [1, 2])
    torch.testing.assert_close(step(given)["unsupervised"], loss(given.network(given.images[1:]), target))


def test_strong_views_and_dropped_features_each_weigh_one_half(acdc_tree):
    given, loss = batch_of(acdc_tree, "fine", "heart"), build_loss(acdc_tree)
    step = unimatch(acdc_tree, threshold=0.0, dropout=0.0, cutmix=0.0)
    step.strong_view = lambda images, generator: -images
    target = step.confident_labels(given, [1])
    weak, strong = (loss(given.network(images), target) for images in (given.images[1:], -given.images[1:]))
    torch.testing.assert_close(step(given)["unsupervised"], (weak + strong) / 2)
    assert not torch.allclose(weak, strong)


def test_cutmix_moves_image_and_target_together(acdc_tree):
    step = unimatch(acdc_tree, cutmix=1.0)
    step.strong_view = lambda images, generator: images
    cases = torch.arange(3).view(3, 1, 1, 1, 1).expand(3, 1, 8, 8, 4)
    image, target = step._strong(cases.float(), cases, torch.Generator().manual_seed(0))
    assert torch.equal(image, target.float())
    for i in range(3):
        share = (image[i] == (i - 1) % 3).float().mean().item()
        assert 0 < share < 0.6 and (image[i] == i).float().mean() == pytest.approx(1 - share)


def test_cutmix_boxes_fill_the_asked_share_and_as_often_as_asked(acdc_tree):
    generator = torch.Generator().manual_seed(0)
    shares = torch.stack([unimatch(acdc_tree)._box((24, 24, 24), generator).float().mean() for _ in range(200)])
    assert (shares > 0).float().mean().item() == pytest.approx(0.5, abs=0.1)
    drawn = shares[shares > 0]
    assert drawn.min() > 0.01 and drawn.max() < 0.45
    assert drawn.mean().item() == pytest.approx(0.21, abs=0.04)


def test_channels_are_dropped_whole_and_the_rest_is_scaled():
    features = torch.ones(20, 50, 2, 2, 2)
    dropped = drop_channels(features, 0.5, torch.Generator().manual_seed(0))
    channels = dropped.flatten(2)
    assert (channels == channels[:, :, :1]).all() and set(channels.unique().tolist()) == {0.0, 2.0}
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.1)
    assert torch.equal(drop_channels(features, 0.0, torch.Generator()), features)
    assert not drop_channels(features, 1.0, torch.Generator()).any()


def test_a_network_without_parts_is_refused(acdc_tree):
    given = batch_of(acdc_tree, "fine", "unlabelled")
    with pytest.raises(ValueError, match="Conv3d has no 'backbone'"):
        unimatch(acdc_tree)(given._replace(network=nn.Conv3d(1, 1, 1)))

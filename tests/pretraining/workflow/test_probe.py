"""The linear probe, and pictures of principal components."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cladeseg.pretraining.workflow.features import pca_picture, principal_components
from cladeseg.pretraining.workflow.probe import Labelled, fit_probe, probe_dice, sample_voxels
from cladeseg.taxonomy import Node, Taxonomy

TREE = Taxonomy("t", (Node("background", values={"x": 0}), Node("a", values={"x": 1}), Node("b", values={"x": 2})))


class Itself(nn.Module):
    """Features are the image."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + self.nothing


def labelled(seed: int, noise: float) -> Labelled:
    generator = torch.Generator().manual_seed(seed)
    nodes = torch.randint(0, 3, (1, 8, 8, 8), generator=generator)
    image = torch.nn.functional.one_hot(nodes[0]).permute(3, 0, 1, 2).float()
    return Labelled(image + noise * torch.randn(image.shape, generator=generator), nodes)


def test_features_that_tell_the_leaves_apart_score_one() -> None:
    scores = probe_dice(Itself(), [labelled(0, 0.0)], [labelled(1, 0.0)], TREE, (8, 8, 8))
    assert scores == pytest.approx({"a": 1.0, "b": 1.0, "mean": 1.0})


def test_features_of_noise_score_by_chance() -> None:
    scores = probe_dice(Itself(), [labelled(0, 50.0)], [labelled(1, 50.0)], TREE, (8, 8, 8))
    assert scores["mean"] < 0.45


def test_rare_leaves_count_as_much_as_frequent_ones() -> None:
    """One voxel in fifty; unweighted, the best constant answer would be the frequent leaf everywhere."""
    leaves = torch.tensor([0] * 98 + [1] * 2)
    probe = fit_probe(torch.zeros(100, 2), leaves, 2)
    assert probe.linear.bias.softmax(0).tolist() == pytest.approx([0.5, 0.5], abs=0.02)


def test_every_leaf_is_sampled_up_to_a_limit() -> None:
    nodes = torch.zeros(1, 16, 16, 16, dtype=torch.uint8)
    nodes[0, 0, 0, :3] = 1
    features, leaves = sample_voxels(torch.randn(2, 16, 16, 16), nodes)
    assert leaves.bincount().tolist() == [500, 3]
    assert features.shape == (503, 2)


def test_the_first_component_is_the_direction_of_most_variance() -> None:
    features = np.zeros((4, 6, 6, 6), dtype=np.float32)
    features[2] = np.arange(6)[:, None, None]
    colours = principal_components(features)
    assert len(np.unique(colours[..., 0])) == 6
    assert colours[..., 1:].max() == 0


def test_a_picture_has_image_and_components() -> None:
    picture = pca_picture(np.random.default_rng(0).random((6, 8, 9)), np.ones((2, 6, 8, 9), dtype=np.float32))
    assert picture.shape == (16, 18, 3)
    assert picture.dtype == np.uint8

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import pytest
import torch

from cladeseg.segmentation.transforms.augment_batch import BatchAugment
from cladeseg.taxonomy import Taxonomy, TaxonomyError

SHAPE = (8, 8, 5)
Batch = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 2, *SHAPE, generator=generator)
    return images, torch.randint(4, (2, 1, *SHAPE), generator=generator).to(torch.uint8)


def _params(augment: BatchAugment, **changes: torch.Tensor) -> dict[str, torch.Tensor]:
    """Parameters that do nothing, except for ``changes``."""
    drawn = augment.sample(2, torch.Generator().manual_seed(0))
    ones = {"scale", "contrast", "gamma", "lowres"}
    neutral = {name: torch.ones_like(v) if name in ones else torch.zeros_like(v) for name, v in drawn.items()}
    assert set(changes) <= set(neutral)
    return neutral | changes


def _close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_neutral_parameters_change_nothing(acdc_tree: Taxonomy, batch: Batch) -> None:
    augment = BatchAugment(acdc_tree)
    images, nodes = augment.apply(*batch, _params(augment))
    _close(images, batch[0])
    assert torch.equal(nodes, batch[1])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_flip_mirrors_image_and_nodes_together(acdc_tree: Taxonomy, batch: Batch, axis: int) -> None:
    augment = BatchAugment(acdc_tree)
    flip = torch.zeros(2, 3, dtype=torch.bool)
    flip[1, axis] = True
    images, nodes = augment.apply(*batch, _params(augment, flip=flip))
    _close(images[1], batch[0][1].flip(axis + 1))
    assert torch.equal(nodes[1], batch[1][1].flip(axis + 1))
    assert torch.equal(nodes[0], batch[1][0])


def test_a_quarter_turn_in_plane_is_rot90(acdc_tree: Taxonomy, batch: Batch) -> None:
    augment = BatchAugment(acdc_tree)
    rotation = torch.tensor([[0.0, 0.0, math.pi / 2]]).repeat(2, 1)
    images, nodes = augment.apply(*batch, _params(augment, rotation=rotation))
    _close(images, batch[0].rot90(1, (2, 3)))
    assert torch.equal(nodes, batch[1].rot90(1, (2, 3)))


def test_rotations_are_rigid_in_millimetres(acdc_tree: Taxonomy) -> None:
    # A bar of 12 mm along axis 0 (2 mm voxels) turns into one of 12 mm along axis 1 (1 mm voxels).
    nodes = torch.zeros(1, 1, 12, 24, 1, dtype=torch.uint8)
    nodes[:, :, 3:9, 10:14] = 1
    augment = BatchAugment(acdc_tree, spacing=(2, 1, 5))
    params = {k: v[:1] for k, v in _params(augment).items()} | {"rotation": torch.tensor([[0, 0, math.pi / 2]])}
    _, turned = augment.apply(nodes.float(), nodes, params)
    expected = torch.zeros_like(nodes)
    expected[:, :, 5:7, 6:18] = 1
    assert torch.equal(turned, expected)


def test_a_shift_moves_structures_forward_and_leaves_the_unknown_behind(acdc_tree: Taxonomy, batch: Batch) -> None:
    augment = BatchAugment(acdc_tree)
    translation = torch.tensor([[2.0, 0.0, 0.0], [0.0, -3.0, 0.0]])
    images, nodes = augment.apply(*batch, _params(augment, translation=translation))
    _close(images[0, :, 2:], batch[0][0, :, :-2])
    assert torch.equal(nodes[0, :, 2:], batch[1][0, :, :-2])
    assert (nodes[0, :, :2] == acdc_tree.root).all()
    assert (nodes[1, :, :, 5:] == acdc_tree.root).all()
    assert torch.isfinite(images).all()


def test_a_scale_above_one_enlarges(acdc_tree: Taxonomy) -> None:
    nodes = torch.zeros(2, 1, 16, 16, 4, dtype=torch.uint8)
    nodes[:, :, 6:10, 6:10] = 1
    augment = BatchAugment(acdc_tree)
    _, scaled = augment.apply(nodes.float(), nodes, _params(augment, scale=torch.tensor([2.0, 0.5])))
    assert (scaled[0, 0, :, :, 1] == 1).sum() == 8 * 8
    assert (scaled[1, 0, :, :, 1] == 1).sum() == 2 * 2


def test_the_generator_alone_decides(acdc_tree: Taxonomy, batch: Batch) -> None:
    augment = BatchAugment(acdc_tree, blur=(0.5, 1.0), lowres=(1.0, 2.0))
    first = augment(*batch, torch.Generator().manual_seed(3))
    torch.manual_seed(99)
    again = pickle.loads(pickle.dumps(augment))(*batch, torch.Generator().manual_seed(3))
    other = augment(*batch, torch.Generator().manual_seed(4))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_the_input_is_left_alone_and_no_class_is_invented(acdc_tree: Taxonomy, batch: Batch) -> None:
    images, nodes = batch[0], 2 + (batch[1] > 1).to(torch.uint8)
    before = images.clone(), nodes.clone()
    for seed in range(5):
        _, changed = BatchAugment(acdc_tree)(images, nodes, torch.Generator().manual_seed(seed))
        assert changed.dtype == torch.uint8
        assert set(changed.unique().tolist()) <= {2, 3, acdc_tree.root}
    assert torch.equal(images, before[0])
    assert torch.equal(nodes, before[1])


def test_flips_are_those_that_the_tree_allows(acdc_tree: Taxonomy) -> None:
    sided = replace(acdc_tree, allowed_flips=("left-right", "inferior-superior"))
    assert BatchAugment(acdc_tree).flips == ()
    assert BatchAugment(sided).flips == ("left-right", "inferior-superior")
    assert BatchAugment(sided, flips=["inferior-superior"]).flips == ("inferior-superior",)
    with pytest.raises(TaxonomyError, match="posterior-anterior"):
        BatchAugment(sided, flips=("posterior-anterior",))


def test_drawn_parameters_keep_their_ranges(acdc_tree: Taxonomy) -> None:
    sided = replace(acdc_tree, allowed_flips=("left-right", "posterior-anterior"))
    drawn = BatchAugment(sided).sample(500, torch.Generator().manual_seed(0))
    assert drawn["rotation"][:, :2].abs().max() == 0
    assert 15 < drawn["rotation"][:, 2].rad2deg().abs().max() <= 20
    assert 0.85 <= drawn["scale"].min() < 0.9
    assert 1.1 < drawn["scale"].max() <= 1.15
    assert 5 < drawn["translation"].abs().max() <= 6
    assert drawn["translation"][:, 2].abs().max() == 0
    assert not drawn["flip"][:, 2].any()
    assert 0.4 < drawn["flip"][:, :2].float().mean() < 0.6
    for name, neutral in [("noise", 0), ("brightness", 0), ("contrast", 1), ("gamma", 1)]:
        assert 0.4 < (drawn[name] == neutral).float().mean() < 0.6, name
    assert (drawn["blur"] == 0).all()
    assert (drawn["lowres"] == 1).all()


def test_gamma_is_safe_for_negative_and_for_constant_images(acdc_tree: Taxonomy) -> None:
    augment = BatchAugment(acdc_tree)
    images = torch.stack([torch.linspace(-2, 2, 5).expand(1, *SHAPE), torch.full((1, *SHAPE), -1.0)])
    nodes = torch.zeros(2, 1, *SHAPE, dtype=torch.uint8)
    bent, _ = augment.apply(images, nodes, _params(augment, gamma=torch.tensor([2.0, 2.0])))
    _close(bent[0, 0, 0, 0], torch.tensor([-2.0, -1.75, -1.0, 0.25, 2.0]))
    _close(bent[1], images[1])


def test_contrast_and_brightness_are_affine_about_the_mean(acdc_tree: Taxonomy, batch: Batch) -> None:
    augment = BatchAugment(acdc_tree)
    changes = {"contrast": torch.tensor([2.0, 1.0]), "brightness": torch.tensor([0.0, 0.5])}
    images, _ = augment.apply(*batch, _params(augment, **changes))
    mean = batch[0][0].mean((1, 2, 3), keepdim=True)
    _close(images[0], 2 * batch[0][0] - mean)
    _close(images[1], batch[0][1] + 0.5)


def test_noise_has_the_drawn_strength_and_touches_only_its_sample(acdc_tree: Taxonomy) -> None:
    augment = BatchAugment(acdc_tree)
    images, nodes = torch.zeros(2, 1, 16, 16, 16), torch.zeros(2, 1, 16, 16, 16, dtype=torch.uint8)
    changes = {"noise": torch.tensor([0.3, 0.0]), "noise_seed": torch.tensor([5, 6])}
    noisy, _ = augment.apply(images, nodes, _params(augment, **changes))
    assert noisy[0].std().item() == pytest.approx(0.3, rel=0.05)
    assert (noisy[1] == 0).all()


def test_blur_spreads_a_point_in_plane_and_keeps_its_sum(acdc_tree: Taxonomy) -> None:
    augment = BatchAugment(acdc_tree)
    images = torch.zeros(2, 1, 15, 15, 3)
    images[:, :, 7, 7, 1] = 1
    nodes = torch.zeros(2, 1, 15, 15, 3, dtype=torch.uint8)
    blurred, _ = augment.apply(images, nodes, _params(augment, blur=torch.tensor([1.0, 0.0])))
    assert blurred[0].sum().item() == pytest.approx(1, abs=1e-4)
    _close(blurred[0, :, :, :, [0, 2]], torch.zeros(1, 15, 15, 2))
    assert (blurred[0, 0, 8, 7, 1] / blurred[0, 0, 7, 7, 1]).item() == pytest.approx(math.exp(-0.5), rel=1e-3)
    _close(blurred[1], images[1])


def test_lost_resolution_is_in_plane(acdc_tree: Taxonomy, batch: Batch) -> None:
    augment = BatchAugment(acdc_tree)
    slices = torch.arange(5.0).expand(2, 1, *SHAPE)
    images, _ = augment.apply(slices, batch[1], _params(augment, lowres=torch.tensor([2.0, 1.0])))
    _close(images, slices)
    coarse, _ = augment.apply(*batch, _params(augment, lowres=torch.tensor([2.0, 1.0])))
    assert coarse[0].std() < 0.9 * batch[0][0].std()
    _close(coarse[1], batch[0][1])


@pytest.mark.parametrize(
    "options", [{"scale": (0.0, 1.0)}, {"gamma": (1.5, 0.5)}, {"spacing": (1, 0, 1)}, {"contrast": (-1, 1)}]
)
def test_impossible_ranges_are_refused(acdc_tree: Taxonomy, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        BatchAugment(acdc_tree, **options)

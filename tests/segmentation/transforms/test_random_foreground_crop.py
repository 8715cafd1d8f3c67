"""Training crops: always of one size, drawn to annotated structures, a pure function of the seed."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from monai.data import MetaTensor

from cladeseg.segmentation.transforms.random_foreground_crop import RandomForegroundCrop
from cladeseg.taxonomy import Taxonomy


def case(shape: tuple[int, int, int] = (16, 14, 6), node: int = 0, channels: int = 2) -> dict[str, Any]:
    """A volume whose first channel says where each voxel was."""
    where = torch.arange(float(torch.tensor(shape).prod())).reshape(1, *shape)
    image = torch.cat([where - 100, *[where + 10] * (channels - 1)])
    nodes = torch.full((1, *shape), node, dtype=torch.uint8)
    return {"image": image, "nodes": nodes, "case": "p1", "supervision": "fine", "label": "not passed on"}


def test_image_and_nodes_are_cropped_together(acdc_tree: Taxonomy):
    whole = case()
    whole["nodes"] = (whole["image"][:1] % 5).to(torch.uint8)
    patch = RandomForegroundCrop(acdc_tree, size=(8, 6, 4))
    for seed in range(10):
        out = patch(whole, seed)
        assert out["image"].shape == (2, 8, 6, 4)
        assert out["nodes"].shape == (1, 8, 6, 4)
        torch.testing.assert_close(out["nodes"], (out["image"][:1] % 5).to(torch.uint8))
        assert set(out) == {"image", "nodes", "outside", "case", "supervision"}


def test_the_seed_alone_decides(acdc_tree: Taxonomy):
    patch, whole = RandomForegroundCrop(acdc_tree, size=(4, 4, 4)), case(node=1)
    first = patch(whole, 5)["image"]
    torch.manual_seed(99)
    torch.testing.assert_close(patch(whole, 5)["image"], first)
    assert any(not torch.equal(patch(whole, seed)["image"], first) for seed in range(6, 10))


def test_a_foreground_crop_always_holds_annotated_voxels(acdc_tree: Taxonomy):
    whole = case()
    whole["nodes"][0, 15, 0, 3] = acdc_tree.index("heart")  # one voxel, at the border
    always, never = (RandomForegroundCrop(acdc_tree, size=(4, 4, 3), foreground_probability=p) for p in (1, 0))
    hits = [[bool(patch(whole, seed)["nodes"].any()) for seed in range(60)] for patch in (always, never)]
    assert all(hits[0])
    assert sum(hits[1]) < 15


def test_the_crop_jitters_round_the_annotated_voxel(acdc_tree: Taxonomy):
    whole = case((16, 16, 16))
    whole["nodes"][0, 8, 8, 8] = 1
    patch = RandomForegroundCrop(acdc_tree, size=(8, 8, 8), foreground_probability=1)
    places = torch.stack([patch(whole, seed)["nodes"][0].nonzero()[0] for seed in range(80)])
    assert places.min() == 2
    assert places.max() == 6


def test_root_and_background_attract_no_crop(acdc_tree: Taxonomy):
    patch = RandomForegroundCrop(acdc_tree, size=(4, 4, 4), foreground_probability=1)
    for node in (acdc_tree.background, acdc_tree.root):
        starts = {float(patch(case(node=node), seed)["image"][0, 0, 0, 0]) for seed in range(20)}
        assert len(starts) > 5  # anywhere


def test_every_position_can_be_drawn(acdc_tree: Taxonomy):
    patch = RandomForegroundCrop(acdc_tree, size=(3, 3, 3))
    starts = {float(patch(case((4, 4, 4)), seed)["image"][0, 0, 0, 0]) for seed in range(100)}
    assert len(starts) == 8


@pytest.mark.parametrize("probability", [0, 1])
def test_a_small_volume_is_padded_at_no_cost(acdc_tree: Taxonomy, probability: float):
    whole = case((4, 12, 3), node=1)
    out = RandomForegroundCrop(acdc_tree, size=(8, 8, 4), foreground_probability=probability)(whole, 0)
    padding = out["nodes"][0] == acdc_tree.root
    assert int((~padding).sum()) == 4 * 8 * 3
    assert out["image"].shape == (2, 8, 8, 4)
    for before, after in ((1, 2), (0, 2), (7, 5)):  # the image repeats its outermost voxels
        torch.testing.assert_close(out["image"][:, before], out["image"][:, after])
    torch.testing.assert_close(out["image"][..., 0], out["image"][..., 1])
    assert bool(padding[:2].all() and padding[6:].all() and not padding[2:6, :, 1:].all())


def test_samples_are_plain_tensors_of_their_own_memory(acdc_tree: Taxonomy):
    whole = case()
    whole["image"], whole["nodes"] = MetaTensor(whole["image"]), MetaTensor(whole["nodes"])
    before = whole["image"].clone()
    out = RandomForegroundCrop(acdc_tree, size=(4, 4, 4))(whole, 0)
    for key, size in (("image", 2 * 4**3 * 4), ("nodes", 4**3)):
        assert type(out[key]) is torch.Tensor
        assert out[key].untyped_storage().nbytes() == size  # a view would send the whole volume to the main process
        out[key].zero_()
    assert torch.equal(whole["image"], before)
    assert out["nodes"].dtype == torch.uint8


def test_different_grids_are_refused_with_the_case(acdc_tree: Taxonomy):
    whole = case()
    whole["nodes"] = whole["nodes"][:, 1:]
    with pytest.raises(ValueError, match="p1"):
        RandomForegroundCrop(acdc_tree, size=(4, 4, 4))(whole, 0)


def test_senseless_arguments_are_named(acdc_tree: Taxonomy):
    with pytest.raises(ValueError, match="size"):
        RandomForegroundCrop(acdc_tree, size=(4, 0, 4))
    with pytest.raises(ValueError, match="foreground_probability"):
        RandomForegroundCrop(acdc_tree, size=(4, 4, 4), foreground_probability=70)


def test_it_pickles(acdc_tree: Taxonomy):
    patch = RandomForegroundCrop(acdc_tree, size=(4, 4, 4))
    copy = pickle.loads(pickle.dumps(patch))
    torch.testing.assert_close(copy(case(), 1)["image"], patch(case(), 1)["image"])


def test_padding_is_no_image(acdc_tree: Taxonomy):
    out = RandomForegroundCrop(acdc_tree, size=(20, 14, 6))(case(), seed=0)
    inside = torch.zeros(1, 20, 14, 6, dtype=torch.bool)
    inside[:, 2:18] = True
    assert torch.equal(out["outside"] == acdc_tree.background, inside)
    assert (out["outside"][~inside] == acdc_tree.root).all()


@pytest.mark.parametrize("zero_is_outside", [False, True])
def test_what_is_zero_in_every_channel_is_no_image_round_a_brain(acdc_tree: Taxonomy, zero_is_outside: bool):
    whole = case()
    whole["image"][:, :3], whole["image"][0, 3:5] = 0, 0  # the latter in one of two channels
    out = RandomForegroundCrop(acdc_tree, size=(16, 14, 6), zero_is_outside=zero_is_outside)(whole, seed=0)
    outside = out["outside"] == acdc_tree.root
    assert outside[:, :3].all() == zero_is_outside
    assert not outside[:, 3:].any()

"""Training cases are cropped to what is annotated, plus a margin in millimetres."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from monai.data import MetaTensor

from cladeseg.taxonomy import Taxonomy
from cladeseg.transforms import CropToNodesd

SHAPE = (12, 10, 6)
AFFINE = torch.tensor([[0, 2.0, 0, 5], [-1.0, 0, 0, 7], [0, 0, 8.0, -9], [0, 0, 0, 1]], dtype=torch.float64)
#: Voxel size along each array axis of AFFINE, in mm.
SIZE = (1, 2, 8)


def case(node: int, *boxes: tuple[slice, slice, slice], outside: int = 0) -> dict[str, Any]:
    """An image whose value says where each voxel was, and a node map with ``node`` in boxes."""
    nodes = torch.full((1, *SHAPE), outside, dtype=torch.uint8)
    for box in boxes:
        nodes[0][box] = node
    image = torch.arange(float(nodes.numel())).reshape(1, *SHAPE)
    return {"image": MetaTensor(image, affine=AFFINE), "nodes": MetaTensor(nodes, affine=AFFINE), "case": "p1"}


def cropped(item: dict[str, Any], tree: Taxonomy, margin_mm: tuple[float, ...]) -> dict[str, Any]:
    return CropToNodesd(["image", "nodes"], tree, margin_mm=margin_mm)(item)


HERE = (slice(4, 6), slice(3, 8), slice(2, 4))


@pytest.mark.parametrize("name", ["right_ventricle", "heart", "left_heart"])
def test_any_annotated_node_makes_the_box(acdc_tree: Taxonomy, name: str):
    item = case(acdc_tree.index(name), HERE)
    out = cropped(item, acdc_tree, (0, 0, 0))
    torch.testing.assert_close(out["image"].as_tensor(), item["image"].as_tensor()[0][HERE][None])
    assert bool((out["nodes"] == acdc_tree.index(name)).all())


def test_the_margin_is_in_millimetres_along_each_axis(acdc_tree: Taxonomy):
    item = case(1, HERE)
    out = cropped(item, acdc_tree, (3, 4, 8))  # 3, 2 and 1 voxels
    expected = item["image"].as_tensor()[0, 4 - 3 : 6 + 3, 3 - 2 : 8 + 2, 2 - 1 : 4 + 1]
    torch.testing.assert_close(out["image"].as_tensor()[0], expected)


def test_the_margin_ends_at_the_border(acdc_tree: Taxonomy):
    out = cropped(case(1, HERE), acdc_tree, (1000, 0, 1000))
    assert out["image"].shape == out["nodes"].shape == (1, SHAPE[0], 5, SHAPE[2])


def test_the_box_holds_every_structure(acdc_tree: Taxonomy):
    item = case(2, (slice(1, 2), slice(2, 3), slice(0, 1)), (slice(10, 11), slice(8, 9), slice(4, 5)))
    assert cropped(item, acdc_tree, (0, 0, 0))["nodes"].shape == (1, 10, 7, 5)


@pytest.mark.parametrize("outside", ["root", "background"])
def test_a_case_without_outline_stays_whole(acdc_tree: Taxonomy, outside: str):
    item = case(0, outside=acdc_tree.index(outside))
    out = cropped(item, acdc_tree, (0, 0, 0))
    assert out["image"] is item["image"]
    assert out["nodes"] is item["nodes"]


def test_unknown_voxels_do_not_widen_the_box(acdc_tree: Taxonomy):
    item = case(acdc_tree.index("left_heart"), HERE, outside=acdc_tree.root)
    assert cropped(item, acdc_tree, (0, 0, 0))["nodes"].shape == (1, 2, 5, 2)


def test_voxels_keep_their_place_in_the_world(acdc_tree: Taxonomy):
    item = case(1, HERE)
    out = cropped(item, acdc_tree, (1, 2, 0))
    first = torch.tensor([3.0, 2, 2, 1], dtype=torch.float64)
    for key in ("image", "nodes"):
        torch.testing.assert_close(out[key].affine[:, 3], AFFINE @ first)
        torch.testing.assert_close(out[key].affine[:3, :3], AFFINE[:3, :3])
    assert item["image"].shape == (1, *SHAPE)  # the item itself is left alone


def test_it_pickles(acdc_tree: Taxonomy):
    crop = pickle.loads(pickle.dumps(CropToNodesd("nodes", acdc_tree, margin_mm=[0, 0, 0])))
    assert crop(case(1, HERE))["nodes"].shape == (1, 2, 5, 2)

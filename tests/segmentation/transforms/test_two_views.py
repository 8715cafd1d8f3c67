"""Samples of both passes from one case."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cladeseg.segmentation.transforms import AddOverviewd, RandomForegroundCrop, RegionBoxes, TwoViews
from cladeseg.taxonomy import Taxonomy, top_level

SHAPE = (24, 20, 6)
PATCH = (8, 8, 4)


def case_of(tree: Taxonomy, *hearts: tuple[int, int, int], known: str = "fine") -> dict[str, Any]:
    """A heart of 4 × 4 × 2 voxels at each corner given, two leaves side by side, as far as it is known."""
    nodes = torch.zeros(1, *SHAPE, dtype=torch.uint8)
    for x, y, z in hearts:
        nodes[0, x : x + 2, y : y + 4, z : z + 2] = tree.index("right_ventricle")
        nodes[0, x + 2 : x + 4, y : y + 4, z : z + 2] = tree.index("myocardium")
    image = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(0)) + nodes
    nodes = tree.collapse_table(known)[nodes.long()].to(torch.uint8)
    return {"case": "c", "supervision": known, "image": image, "nodes": nodes}


def with_overview(tree: Taxonomy, case: dict[str, Any], margin: tuple[int, int, int] = (2, 2, 1)) -> dict[str, Any]:
    return AddOverviewd(tree, ratios=(2, 2, 1), boxes=RegionBoxes(margin=margin, least=PATCH))(case)


def views(tree: Taxonomy, **options: Any) -> TwoViews:
    crops = [RandomForegroundCrop(t, size=PATCH, foreground_probability=1) for t in (tree, top_level(tree))]
    return TwoViews(*crops, **{"least": PATCH, "jitter": (0, 0, 0), **options})


# ---- when a case is loaded -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", ["fine", "heart", "left_heart"])
def test_the_coarse_view_says_of_the_superclass_what_is_known(acdc_tree: Taxonomy, known: str) -> None:
    item = with_overview(acdc_tree, case_of(acdc_tree, (8, 8, 2), known=known))
    assert item["overview_image"].shape == item["overview_nodes"].shape == (1, 12, 10, 6)
    small = top_level(acdc_tree)
    outside = small.root if known == "left_heart" else small.background
    expected = torch.full((12, 10, 6), outside)
    expected[(5 if known == "left_heart" else 4) : 6, 4:6, 2:4] = small.index("heart")
    assert torch.equal(item["overview_nodes"][0].long(), expected)


@pytest.mark.parametrize("known", ["fine", "heart"])
def test_an_outline_gives_its_box_with_the_margin(acdc_tree: Taxonomy, known: str) -> None:
    item = with_overview(acdc_tree, case_of(acdc_tree, (8, 8, 2), known=known))
    assert item["boxes"].tolist() == [[[6, 6, 1], [14, 14, 5]]]


def test_two_hearts_give_two_boxes(acdc_tree: Taxonomy) -> None:
    item = with_overview(acdc_tree, case_of(acdc_tree, (0, 0, 0), (18, 14, 3)))
    assert item["boxes"].tolist() == [[[0, 0, 0], [8, 8, 4]], [[16, 12, 2], [24, 20, 6]]]


@pytest.mark.parametrize("known", ["unlabelled", "fine"])
def test_without_an_outline_the_box_is_the_volume(acdc_tree: Taxonomy, known: str) -> None:
    item = with_overview(acdc_tree, case_of(acdc_tree, known=known))
    assert item["boxes"].tolist() == [[[0, 0, 0], list(SHAPE)]]


# ---- when a sample is drawn ------------------------------------------------------------------------------------------


def test_both_patches_have_their_size_and_their_nodes(acdc_tree: Taxonomy) -> None:
    sample = views(acdc_tree)(with_overview(acdc_tree, case_of(acdc_tree, (8, 8, 2))), seed=3)
    for key in ("image", "nodes", "overview_image", "overview_nodes"):
        assert sample[key].shape == (1, *PATCH)
    assert set(sample["nodes"].unique().tolist()) == {0, 1, 2}
    assert set(sample["overview_nodes"].unique().tolist()) == {0, 1}
    assert (sample["case"], sample["supervision"]) == ("c", "fine")


def test_the_second_patch_lies_in_the_box_and_is_standardised_over_it(acdc_tree: Taxonomy) -> None:
    case = with_overview(acdc_tree, case_of(acdc_tree, (8, 8, 2)))
    sample = views(acdc_tree)(case, seed=0)
    box = case["image"][:, 6:14, 6:14, 1:5]
    torch.testing.assert_close(sample["image"], (box - box.mean()) / box.std(unbiased=False))
    assert torch.equal(sample["nodes"], case["nodes"][:, 6:14, 6:14, 1:5])


def test_a_sample_says_where_the_anatomical_axes_lie(acdc_tree: Taxonomy) -> None:
    case = {**with_overview(acdc_tree, case_of(acdc_tree, (8, 8, 2))), "array_axes": torch.tensor([2, 0, 1])}
    assert views(acdc_tree)(case, seed=0)["array_axes"].tolist() == [2, 0, 1]


def test_a_sample_says_where_the_second_patch_is_no_image(acdc_tree: Taxonomy) -> None:
    """Round a brain all channels are 0, also after the box was standardised."""
    case = case_of(acdc_tree, (8, 8, 2))
    case["image"] = (case["image"] + 1) * (torch.arange(SHAPE[0]) > 9)[None, :, None, None]
    crops = [
        RandomForegroundCrop(t, size=PATCH, foreground_probability=1, zero_is_outside=True)
        for t in (acdc_tree, top_level(acdc_tree))
    ]
    sample = TwoViews(*crops, least=PATCH, jitter=(0, 0, 0), nonzero=True)(with_overview(acdc_tree, case), seed=0)
    assert (sample["outside"][:, :4] == acdc_tree.root).all()
    assert (sample["outside"][:, 4:] == acdc_tree.background).all()


def test_the_case_itself_stays_as_it_is(acdc_tree: Taxonomy) -> None:
    case = with_overview(acdc_tree, case_of(acdc_tree, (8, 8, 2)))
    before = {key: value.clone() for key, value in case.items() if isinstance(value, torch.Tensor)}
    views(acdc_tree, whole_volume=0.5)(case, seed=0)
    assert all(torch.equal(case[key], value) for key, value in before.items())


def test_propagated_labels_are_cropped_alike(acdc_tree: Taxonomy) -> None:
    case = with_overview(acdc_tree, case_of(acdc_tree, (8, 8, 2)))
    sample = views(acdc_tree, jitter=(3, 3, 1))({**case, "propagated": case["nodes"].clone()}, seed=1)
    assert torch.equal(sample["propagated"], sample["nodes"])


def test_a_face_moves_by_no_more_than_the_jitter_and_each_by_itself(acdc_tree: Taxonomy) -> None:
    case = with_overview(acdc_tree, case_of(acdc_tree, (9, 8, 2)), margin=(3, 3, 1))
    (box,) = case["boxes"]
    drawn = np.array(
        [views(acdc_tree, jitter=(2, 2, 0), least=(1, 1, 1)).box(case, np.random.default_rng(i)) for i in range(200)]
    )
    moved = drawn - box
    assert (np.abs(moved) <= [2, 2, 0]).all()
    assert {tuple(row) for row in moved[:, :, 0].tolist()} >= {(-2, 2), (2, -2), (0, 0)}


def test_a_box_stays_inside_the_volume_and_holds_a_patch(acdc_tree: Taxonomy) -> None:
    case = with_overview(acdc_tree, case_of(acdc_tree, (0, 16, 4)))
    for seed in range(50):
        start, stop = views(acdc_tree, jitter=(30, 30, 30)).box(case, np.random.default_rng(seed))
        assert (start >= 0).all()
        assert (stop <= SHAPE).all()
        assert (stop - start >= PATCH).all()


def test_now_and_then_the_box_is_the_whole_volume(acdc_tree: Taxonomy) -> None:
    case = with_overview(acdc_tree, case_of(acdc_tree, (8, 8, 2)))
    sizes = [
        np.diff(views(acdc_tree, whole_volume=0.25).box(case, np.random.default_rng(i)), axis=0).tolist()[0]
        for i in range(400)
    ]
    assert 70 < sizes.count(list(SHAPE)) < 130


def test_every_box_of_a_case_is_drawn(acdc_tree: Taxonomy) -> None:
    case = with_overview(acdc_tree, case_of(acdc_tree, (0, 0, 0), (18, 14, 3)))
    starts = {tuple(views(acdc_tree).box(case, np.random.default_rng(i))[0].tolist()) for i in range(20)}
    assert starts == {(0, 0, 0), (16, 12, 2)}


def test_the_same_seed_gives_the_same_sample(acdc_tree: Taxonomy) -> None:
    case = with_overview(acdc_tree, case_of(acdc_tree, (8, 8, 2)))
    one, same, other = (views(acdc_tree, jitter=(3, 3, 1))(case, seed) for seed in (1, 1, 2))
    assert torch.equal(one["image"], same["image"])
    assert one["image"].shape == other["image"].shape
    assert not torch.equal(one["image"], other["image"])

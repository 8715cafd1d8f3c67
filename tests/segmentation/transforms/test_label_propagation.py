"""Labels are propagated by their position in the region: closed forms on boxes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from cladeseg.segmentation.transforms import LabelPropagation
from cladeseg.taxonomy import Taxonomy

SHAPE = (40, 16, 12)


def halves(tree: Taxonomy, start: int, length: int, share: float = 0.5) -> torch.Tensor:
    """A box along the first axis: the first ``share`` of its length is the left ventricle, the rest the right one."""
    nodes = torch.full((1, *SHAPE), tree.background, dtype=torch.uint8)
    border = start + round(share * length)
    nodes[0, start:border, 4:12, 3:9] = tree.index("left_ventricle")
    nodes[0, border : start + length, 4:12, 3:9] = tree.index("right_ventricle")
    return nodes


def coarse(tree: Taxonomy, nodes: torch.Tensor, name: str = "heart") -> torch.Tensor:
    return tree.collapse_table(name)[nodes.long()].to(torch.uint8)


def test_a_region_of_another_position_and_size_is_divided_in_the_same_proportion(acdc_tree: Taxonomy) -> None:
    propagation = LabelPropagation(acdc_tree, [halves(acdc_tree, 2, 10, 0.4)], sigma=0)
    truth = halves(acdc_tree, 12, 20, 0.4)
    assert torch.equal(propagation(coarse(acdc_tree, truth)), truth)


def test_nothing_but_the_region_changes_and_it_changes_to_what_lies_below(acdc_tree: Taxonomy) -> None:
    known = coarse(acdc_tree, halves(acdc_tree, 12, 20))
    known[0, 35:] = acdc_tree.root
    known[0, 12:14, 4:12, 3:9] = acdc_tree.index("myocardium")
    propagated = LabelPropagation(acdc_tree, [halves(acdc_tree, 2, 10)], sigma=0.1)(known)
    heart = known == acdc_tree.index("heart")
    assert torch.equal(propagated[~heart], known[~heart])
    names = ("heart", "left_ventricle", "right_ventricle")
    assert set(propagated[heart].unique().tolist()) == {acdc_tree.index(name) for name in names}
    assert propagated.dtype == known.dtype


def test_near_the_border_the_label_stays_within_what_sigma_says(acdc_tree: Taxonomy) -> None:
    """Of two halves the near one keeps Φ(d / σ) of the votes, which is .9 at d = 1.28 σ."""
    truth = halves(acdc_tree, 0, 40)
    propagated = LabelPropagation(acdc_tree, [truth], sigma=0.1, min_agreement=0.9)(coarse(acdc_tree, truth))
    undecided = (propagated == acdc_tree.index("heart"))[0, :, 8, 6].nonzero().flatten()
    assert undecided.min() == 20 - 5  # σ is 4 voxels: 1.28 · 4 = 5.1; the voxel's centre counts
    assert undecided.max() == 19 + 5


def test_where_atlases_disagree_the_label_stays(acdc_tree: Taxonomy) -> None:
    atlases = [halves(acdc_tree, 0, 40, share) for share in (0.25, 0.75)]
    propagated = LabelPropagation(acdc_tree, atlases, sigma=0)(coarse(acdc_tree, atlases[0]))[0, :, 8, 6]
    assert (
        propagated.tolist()
        == [acdc_tree.index("left_ventricle")] * 10
        + [acdc_tree.index("heart")] * 20
        + [acdc_tree.index("right_ventricle")] * 10
    )


def test_a_node_between_is_propagated_where_only_the_leaves_disagree(brats_tree: Taxonomy) -> None:
    """Necrosis and enhancing tumour change places, edema does not: there all agree on the tumour core."""
    ncr, enhancing, edema = (brats_tree.index(name) for name in ("necrosis", "enhancing", "oedema"))
    atlases = []
    for first, second in ((ncr, enhancing), (enhancing, ncr)):
        nodes = torch.full((1, *SHAPE), brats_tree.background, dtype=torch.uint8)
        nodes[0, :10], nodes[0, 10:20], nodes[0, 20:] = first, second, edema
        atlases.append(nodes)
    propagated = LabelPropagation(brats_tree, atlases, sigma=0)(coarse(brats_tree, atlases[0], "whole_tumour"))[
        0, :, 0, 0
    ]
    assert propagated.tolist() == [brats_tree.index("tumour_core")] * 20 + [edema] * 20


def test_a_hole_between_the_parts_takes_the_nearest(acdc_tree: Taxonomy) -> None:
    atlas = halves(acdc_tree, 0, 40)
    atlas[0, 2:6, 7:9, 5:7] = acdc_tree.background  # in the left ventricle; it hardly moves the centre
    propagated = LabelPropagation(acdc_tree, [atlas], sigma=0)(coarse(acdc_tree, halves(acdc_tree, 0, 40)))
    assert (propagated[0, 2:6, 7:9, 5:7] == acdc_tree.index("left_ventricle")).all()


def turned(tree: Taxonomy, degrees: float) -> torch.Tensor:
    """A bar whose two halves are the ventricles, turned in the plane about its centre."""
    x, y, z = torch.meshgrid(*(torch.arange(n) - (n - 1) / 2 for n in (40, 40, 8)), indexing="ij")
    angle = torch.deg2rad(torch.tensor(degrees))
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    left, right = tree.index("left_ventricle"), tree.index("right_ventricle")
    bar = (along.abs() < 14) & (across.abs() < 6) & (z.abs() < 3)
    return torch.where(bar, torch.where(along < 0, left, right), tree.background)[None].to(torch.uint8)


@pytest.mark.parametrize("degrees", [-60.0, 30.0, 80.0])
def test_principal_axes_follow_an_organ_that_is_turned(acdc_tree: Taxonomy, degrees: float) -> None:
    truth = turned(acdc_tree, degrees)
    right = {}
    for axes in ("volume", "principal"):
        propagation = LabelPropagation(acdc_tree, [turned(acdc_tree, 0)], sigma=0, axes=axes)
        right[axes] = (propagation(coarse(acdc_tree, truth)) == truth)[truth != acdc_tree.background].float().mean()
    assert right["principal"] > 0.95
    assert right["volume"] < right["principal"] - 0.05


def test_atlases_without_the_region_propagate_nothing(acdc_tree: Taxonomy) -> None:
    empty = torch.full((1, *SHAPE), acdc_tree.background, dtype=torch.uint8)
    known = coarse(acdc_tree, halves(acdc_tree, 2, 10))
    assert torch.equal(LabelPropagation(acdc_tree, [empty])(known), known)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"sigma": -0.1}, "sigma -0.1"),
        ({"min_agreement": 0.5}, "min_agreement 0.5"),
        ({"axes": "image"}, "axes 'image'"),
    ],
)
def test_impossible_options_are_named(acdc_tree: Taxonomy, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        LabelPropagation(acdc_tree, [halves(acdc_tree, 2, 10)], **options)

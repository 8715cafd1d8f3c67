"""Place, intensity and the teacher together, in closed form; never against what is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cladeseg.segmentation.transforms import LabelPropagation, LabelRegionsd, RegionLabels
from cladeseg.taxonomy import Taxonomy

SHAPE = (20, 8, 6)


def _halves(tree: Taxonomy, share: float = 0.5) -> torch.Tensor:
    nodes = torch.full((1, *SHAPE), tree.index("right_ventricle"), dtype=torch.uint8)
    nodes[:, : round(share * SHAPE[0])] = tree.index("left_ventricle")
    return nodes


def _image(tree: Taxonomy, nodes: torch.Tensor) -> torch.Tensor:
    noise = torch.randn(nodes.shape, generator=torch.Generator().manual_seed(0))
    return (nodes == tree.index("left_ventricle")) + 0.2 * noise


def _heart(tree: Taxonomy) -> torch.Tensor:
    return torch.full((1, *SHAPE), tree.index("heart"), dtype=torch.uint8)


def _says(tree: Taxonomy, name: str, p: float) -> torch.Tensor:
    """A teacher that gives one leaf the probability p everywhere, the others the rest in equal parts."""
    leaves = torch.full((tree.num_leaves, *SHAPE), (1 - p) / (tree.num_leaves - 1))
    leaves[tree.index(name)] = p
    return leaves.log()


def test_place_alone_is_label_propagation(acdc_tree: Taxonomy) -> None:
    atlas, known = _halves(acdc_tree), _heart(acdc_tree)
    expected = LabelPropagation(acdc_tree, [atlas], sigma=0.1)(known)
    assert torch.equal(RegionLabels(acdc_tree, [atlas], sigma=0.1)(torch.zeros(1, *SHAPE), known), expected)


def test_without_any_factor_nothing_is_labelled(acdc_tree: Taxonomy) -> None:
    known = _heart(acdc_tree)
    labels = RegionLabels(acdc_tree, [_halves(acdc_tree, 0.95)], place=False)
    assert torch.equal(labels(torch.zeros(1, *SHAPE), known), known)


def test_intensity_moves_a_border_that_lies_elsewhere(acdc_tree: Taxonomy) -> None:
    atlas, truth = _halves(acdc_tree), _halves(acdc_tree, 0.35)
    right = {}
    for intensity in (False, True):
        labels = RegionLabels(acdc_tree, [atlas], images=[_image(acdc_tree, atlas)], intensity=intensity)
        right[intensity] = (labels(_image(acdc_tree, truth), _heart(acdc_tree)) == truth).float().mean()
    assert right[True] > 0.95 > right[False] + 0.1


def test_the_teacher_counts_with_its_exponent(acdc_tree: Taxonomy) -> None:
    """Posterior odds are (place odds)^a · (teacher odds)^b at each voxel."""
    heart = acdc_tree.index("heart")
    labels = RegionLabels(acdc_tree, [_halves(acdc_tree)], sigma=0.2, exponents=(0.5, 2.0))
    known, left = _heart(acdc_tree)[0].long().numpy(), acdc_tree.index("left_ventricle")
    image = torch.zeros(1, *SHAPE)
    place = labels.posterior(image, known, heart)[left]
    found = labels.posterior(image, known, heart, _says(acdc_tree, "left_ventricle", 0.7))[left]
    odds = np.sqrt(place / (1 - place)) * (0.7 / 0.1) ** 2
    np.testing.assert_allclose(found, odds / (1 + odds), rtol=1e-3, atol=1e-3)


def test_a_confident_teacher_overrules_place_but_not_what_is_known(acdc_tree: Taxonomy) -> None:
    known = _heart(acdc_tree)
    known[:, :4] = acdc_tree.index("left_heart")
    known[:, 16:] = acdc_tree.background
    labels = RegionLabels(acdc_tree, [_halves(acdc_tree)], sigma=0.2)
    found = labels(torch.zeros(1, *SHAPE), known, _says(acdc_tree, "right_ventricle", 0.9999))
    assert acdc_tree.contains[known.long(), found.long()].all()
    assert (found[:, 4:16] == acdc_tree.index("right_ventricle")).all()


@pytest.mark.parametrize("place", [False, True])
@pytest.mark.parametrize("intensity", [False, True])
@pytest.mark.parametrize("taught", [False, True])
def test_no_factor_labels_against_what_is_known(
    brats_tree: Taxonomy, place: bool, intensity: bool, taught: bool
) -> None:
    generator = torch.Generator().manual_seed(1)
    fine = torch.randint(brats_tree.num_leaves, (1, *SHAPE), generator=generator)
    known = torch.randint(brats_tree.num_nodes, (1, *SHAPE), generator=generator)
    image = torch.randn(2, *SHAPE, generator=generator)
    labels = RegionLabels(
        brats_tree, [fine], images=[image], place=place, intensity=intensity, min_agreement=0.51, sigma=0.01
    )
    teacher = torch.randn(brats_tree.num_leaves, *SHAPE, generator=generator).mul(3).log_softmax(0)
    found = labels(image, known, teacher if taught else None)
    assert brats_tree.contains[known, found].all()
    assert (found != known).any() == (place or intensity or taught)


def test_an_item_gets_labels_and_keeps_what_is_known(acdc_tree: Taxonomy) -> None:
    known, image = _heart(acdc_tree), torch.zeros(1, *SHAPE)
    item = LabelRegionsd(RegionLabels(acdc_tree, [_halves(acdc_tree)], sigma=0))(
        {"image": image, "nodes": known.clone(), "case": "p1"}
    )
    assert torch.equal(item["propagated"], _halves(acdc_tree))
    assert torch.equal(item["nodes"], known)
    assert item["case"] == "p1"

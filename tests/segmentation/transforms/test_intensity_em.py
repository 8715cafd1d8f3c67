"""Parts by intensity: closed forms on two Gaussians, and never against what is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cladeseg.segmentation.transforms import IntensityEM
from cladeseg.taxonomy import Taxonomy

SHAPE = (24, 16, 8)


def _halves(tree: Taxonomy) -> np.ndarray:
    """Left ventricle in the first half, right ventricle in the second."""
    nodes = np.full(SHAPE, tree.index("left_ventricle"))
    nodes[12:] = tree.index("right_ventricle")
    return nodes


def _image(nodes: np.ndarray, means: dict[int, float], noise: float = 0.5, seed: int = 0) -> np.ndarray:
    levels = np.array([means.get(v, 0.0) for v in range(nodes.max() + 1)])
    return (levels[nodes] + noise * np.random.default_rng(seed).standard_normal(nodes.shape))[None]


def _even(tree: Taxonomy, *names: str) -> dict[int, np.ndarray]:
    return {tree.index(name): np.full(SHAPE, 1 / len(names)) for name in names}


def test_two_gaussians_are_found_and_each_voxel_gets_their_exact_posterior(acdc_tree: Taxonomy) -> None:
    nodes = _halves(acdc_tree)
    left, right = acdc_tree.index("left_ventricle"), acdc_tree.index("right_ventricle")
    image = _image(nodes, {left: -1.0, right: 1.0})
    other = _image(nodes, {left: -1.4, right: 0.9}, seed=1)  # the atlas is off
    em = IntensityEM(acdc_tree, [other], [nodes], strength=1, smoothness=0, floor=0, iterations=30)
    known = np.full(SHAPE, acdc_tree.index("heart"))
    found = em(image, known, acdc_tree.index("heart"), _even(acdc_tree, "left_ventricle", "right_ventricle"))
    # log p(right) / p(left) of two Gaussians at -1 and 1 with σ = .5 is 2 x / σ².
    expected = 1 / (1 + np.exp(-2 * image[0] / 0.25))
    assert np.abs(found[right] - expected).mean() < 0.01
    np.testing.assert_allclose(found[left] + found[right], 1)


def test_a_strong_prior_keeps_the_gaussians_of_the_fine_cases(acdc_tree: Taxonomy) -> None:
    nodes = _halves(acdc_tree)
    left, right = acdc_tree.index("left_ventricle"), acdc_tree.index("right_ventricle")
    image = _image(nodes, {left: -1.0, right: 1.0})
    known, place = np.full(SHAPE, acdc_tree.index("heart")), _even(acdc_tree, "left_ventricle", "right_ventricle")
    one, many = (
        IntensityEM(acdc_tree, [image], [nodes], strength=1e9, smoothness=0, iterations=n)(image, known, 4, place)
        for n in (1, 20)
    )
    np.testing.assert_allclose(one[right], many[right], atol=1e-6)


@pytest.mark.parametrize("smoothness", [0.0, 1.0, 3.0])
def test_a_flat_intensity_leaves_place_as_it_is(acdc_tree: Taxonomy, smoothness: float) -> None:
    nodes, share = _halves(acdc_tree), np.random.default_rng(0).random(SHAPE)
    left, right = acdc_tree.index("left_ventricle"), acdc_tree.index("right_ventricle")
    em = IntensityEM(acdc_tree, [_image(nodes, {left: 0.0, right: 1.0})], [nodes], smoothness=smoothness, floor=0)
    place = {left: share, right: 1 - share}
    found = em(np.full((1, *SHAPE), 7.0), np.full(SHAPE, acdc_tree.index("heart")), 4, place)
    for part, expected in place.items():
        np.testing.assert_allclose(found[part], expected)


def test_intensity_finds_parts_that_lie_elsewhere_than_in_the_atlas(acdc_tree: Taxonomy) -> None:
    nodes = _halves(acdc_tree)
    left, right = acdc_tree.index("left_ventricle"), acdc_tree.index("right_ventricle")
    truth = np.full(SHAPE, left)
    truth[:, 8:] = right
    em = IntensityEM(acdc_tree, [_image(nodes, {left: -1.0, right: 1.0})], [nodes])
    place = {left: (nodes == left) * 0.8 + 0.1, right: (nodes == right) * 0.8 + 0.1}
    found = em(_image(truth, {left: -2.0, right: 3.0}, seed=1), np.full(SHAPE, acdc_tree.index("heart")), 4, place)
    assert (np.where(found[right] > 0.5, right, left) == truth).mean() > 0.95
    assert (np.where(place[right] > 0.5, right, left) == truth).mean() < 0.6


def test_neighbours_agree_more_with_smoothness(acdc_tree: Taxonomy) -> None:
    nodes = _halves(acdc_tree)
    left, right = acdc_tree.index("left_ventricle"), acdc_tree.index("right_ventricle")
    image = _image(nodes, {left: -1.0, right: 1.0}, noise=1.2)
    right_share = []
    for smoothness in (0.0, 2.0):
        em = IntensityEM(acdc_tree, [image], [nodes], smoothness=smoothness)
        place = _even(acdc_tree, "left_ventricle", "right_ventricle")
        found = em(image, np.full(SHAPE, acdc_tree.index("heart")), 4, place)
        right_share.append(((found[right] > 0.5) == (nodes == right)).mean())
    assert right_share[1] > right_share[0] + 0.02


def test_channels_count_together_and_a_blank_one_says_nothing(acdc_tree: Taxonomy) -> None:
    nodes = _halves(acdc_tree)
    left, right = acdc_tree.index("left_ventricle"), acdc_tree.index("right_ventricle")
    known, place = np.full(SHAPE, acdc_tree.index("heart")), _even(acdc_tree, "left_ventricle", "right_ventricle")
    channels = [_image(nodes, {left: -1.0, right: 1.0}, noise=1.5, seed=seed) for seed in range(3)]

    def correct(image: np.ndarray) -> float:
        found = IntensityEM(acdc_tree, [image], [nodes], smoothness=0)(image, known, 4, place)
        return float(((found[right] > 0.5) == (nodes == right)).mean())

    assert correct(np.concatenate(channels)) > correct(channels[0]) + 0.05
    blank = np.concatenate([channels[0], np.zeros_like(channels[0])])
    assert correct(blank) == pytest.approx(correct(channels[0]))


def test_what_is_known_below_the_region_stays(acdc_tree: Taxonomy) -> None:
    """Voxels outlined as left heart become no right ventricle, however they look."""
    nodes = _halves(acdc_tree)
    left, right = acdc_tree.index("left_ventricle"), acdc_tree.index("right_ventricle")
    known = np.full(SHAPE, acdc_tree.index("heart"))
    known[18:] = acdc_tree.index("left_heart")
    known[:2] = right
    image = _image(nodes, {left: -1.0, right: 1.0})
    em = IntensityEM(acdc_tree, [image], [nodes])
    found = em(image, known, acdc_tree.index("heart"), _even(acdc_tree, "left_ventricle", "right_ventricle"))
    np.testing.assert_allclose(found[left][18:], 1)
    np.testing.assert_allclose(found[right][:2], 1)


def test_nothing_is_said_outside_the_region(acdc_tree: Taxonomy) -> None:
    nodes = _halves(acdc_tree)
    known = np.full(SHAPE, acdc_tree.index("heart"))
    known[:, :3] = acdc_tree.background
    em = IntensityEM(acdc_tree, [_image(nodes, {1: 1.0})], [nodes])
    found = em(_image(nodes, {1: 1.0}), known, 4, _even(acdc_tree, "left_ventricle", "right_ventricle"))
    assert all((posterior[:, :3] == 0).all() for posterior in found.values())


@pytest.mark.parametrize("options", [{"strength": -1.0}, {"floor": -0.1}, {"smoothness": -2.0}])
def test_negative_numbers_are_named(acdc_tree: Taxonomy, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        IntensityEM(acdc_tree, [], [], **options)


def test_each_node_map_needs_an_image(acdc_tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match="0 images do not fit 1 node maps"):
        IntensityEM(acdc_tree, [], [_halves(acdc_tree)])

"""Pictures of label maps over the image: colours, place, and the panel of one case."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from PIL import Image

from cladeseg.report import CasePicture, case_panel, overlay_slice, save_png


@pytest.fixture
def ramp() -> np.ndarray:
    """(5, 3): intensity grows with x."""
    return np.repeat(np.linspace(0, 100, 5)[:, None], 3, axis=1)


@pytest.fixture
def case(acdc_tree) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    image = np.random.default_rng(0).normal(size=(6, 5, 4))
    truth = np.zeros((6, 5, 4), np.uint8)
    truth[2:4, 1:3, 1:3] = acdc_tree.index("myocardium")
    return image, truth, np.roll(truth, 1, axis=0)


def test_only_structures_are_coloured(ramp, acdc_tree):
    nodes = np.zeros((5, 3), dtype=np.uint8)
    nodes[1, 0], nodes[2, 0] = acdc_tree.index("myocardium"), acdc_tree.root
    picture = overlay_slice(ramp, nodes, acdc_tree)
    grey = (picture == picture[..., :1]).all(axis=-1)
    assert np.argwhere(~grey).tolist() == [[2, 1]]


def test_colour_is_blended_by_alpha(ramp, acdc_tree):
    v = acdc_tree.index("left_ventricle")
    nodes = np.full((5, 3), v, dtype=np.uint8)
    colour = acdc_tree.colours[v].astype(float)
    assert (overlay_slice(ramp, nodes, acdc_tree, alpha=1.0) == acdc_tree.colours[v]).all()
    assert (overlay_slice(ramp, nodes, acdc_tree, alpha=0.0)[:, 0] == 0).all()
    blended = overlay_slice(ramp, nodes, acdc_tree, alpha=0.25)
    np.testing.assert_array_equal(blended[0, 0], np.rint(0.25 * colour))
    np.testing.assert_array_equal(blended[0, -1], np.rint(0.75 * 255 + 0.25 * colour))


def test_an_inner_node_has_a_colour_too(ramp, acdc_tree):
    v = acdc_tree.index("heart")
    nodes = np.full((5, 3), v, dtype=np.uint8)
    assert (overlay_slice(ramp, nodes, acdc_tree, alpha=1.0) == acdc_tree.colours[v]).all()


def test_an_ras_slice_stands_upright(acdc_tree):
    nodes = np.zeros((5, 3), dtype=np.uint8)
    image = np.zeros((5, 3))
    image[4, 2] = 1.0  # right, anterior
    picture = overlay_slice(image, nodes, acdc_tree)
    assert picture.shape == (3, 5, 3)
    assert picture.dtype == np.uint8
    assert picture[0, 4].tolist() == [255, 255, 255]
    assert picture.sum() == 3 * 255


def test_grey_is_not_ruined_by_a_single_bright_voxel(acdc_tree):
    image = np.tile(np.linspace(0, 1, 20)[:, None], (1, 20))
    image[0, 0] = 1e6
    picture = overlay_slice(image, np.zeros((20, 20), dtype=np.uint8), acdc_tree)
    assert picture[5, 10, 0] == pytest.approx(255 * 10 / 19, abs=2)


def test_a_constant_image_is_black(acdc_tree):
    assert not overlay_slice(np.full((4, 4), 7.0), np.zeros((4, 4), dtype=np.uint8), acdc_tree).any()


def test_shapes_that_differ_are_refused(acdc_tree):
    with pytest.raises(ValueError, match=r"\(4, 4\).*\(4, 5\)"):
        overlay_slice(np.zeros((4, 4)), np.zeros((4, 5), dtype=np.uint8), acdc_tree)


def test_the_panel_shows_truth_over_prediction(acdc_tree):
    truth, prediction = np.zeros((2, 6, 4, 9), dtype=np.uint8)
    truth[1, 1, 2:7], prediction[3, 1, 2:7] = acdc_tree.index("myocardium"), acdc_tree.index("left_ventricle")
    image = np.zeros((6, 4, 9))
    panel = case_panel(image, truth, prediction, acdc_tree, slices=3)
    assert panel.shape == (2 * 4, 3 * 6, 3)
    tiles = [overlay_slice(image[..., 3], nodes[..., 3], acdc_tree) for nodes in (truth, prediction)]
    np.testing.assert_array_equal(panel, np.tile(np.concatenate(tiles), (1, 3, 1)))


def test_slices_are_spread_over_the_structures(acdc_tree):
    truth, prediction = np.zeros((2, 4, 4, 20), dtype=np.uint8)
    truth[:, :, 3:6], prediction[:, :, 12:15] = 1, 1
    # Each slice's intensity step is at a row of its own, so that a tile shows where it comes from.
    image = np.arange(20.0)[None, None] * np.array([0, 0, 0, 1.0])[:, None, None] + np.zeros((4, 4, 20))
    panel = case_panel(image, truth, prediction, acdc_tree, slices=2)
    wanted = [overlay_slice(image[..., z], truth[..., z], acdc_tree) for z in (4, 13)]
    np.testing.assert_array_equal(panel[:4], np.concatenate(wanted, axis=1))


@pytest.mark.parametrize(("depth", "filled"), [(1, 1), (2, 1), (5, 0)])
def test_the_panels_size_depends_on_the_image_only(acdc_tree, depth, filled):
    nodes = np.full((6, 4, depth), filled, dtype=np.uint8)
    panel = case_panel(np.zeros((6, 4, depth)), nodes, nodes, acdc_tree, slices=3)
    assert panel.shape == (8, 18, 3)


def test_it_is_the_panel_of_truth_above_prediction(case, acdc_tree):
    picture = CasePicture(acdc_tree, slices=2)(*case)
    assert picture.dtype == np.uint8
    assert picture.shape == (2 * 5, 2 * 6, 3)
    np.testing.assert_array_equal(picture, case_panel(*case, acdc_tree, slices=2))
    assert not np.array_equal(picture[:5], picture[5:])


def test_three_slices_by_default(case, acdc_tree):
    assert CasePicture(acdc_tree)(*case).shape == (10, 18, 3)


def test_it_pickles(case, acdc_tree):
    draw = CasePicture(acdc_tree)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(draw))(*case), draw(*case))


def test_a_png_is_read_back(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    save_png(picture, tmp_path / "new" / "panel.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "new" / "panel.png")), picture)

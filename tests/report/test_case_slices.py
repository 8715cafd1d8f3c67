"""Pictures of cases: proportions from the spacing, colours of structures and of errors."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cladeseg.report import ERRORS, case_slices, contact_sheet, shades, structure_colours
from cladeseg.report.case_slices import slice_axis


def pixels(webp: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(webp)).convert("RGB"))


def masks(tree) -> tuple[np.ndarray, np.ndarray]:
    truth = np.zeros((20, 10, 6), np.uint8)
    truth[4:8, 2:6, 2:4] = tree.index("myocardium")
    truth[10:14, 2:6, 2:4] = tree.index("left_ventricle")
    prediction = np.zeros_like(truth)
    prediction[10:14, 2:6, 2:4] = tree.index("right_ventricle")
    prediction[16:19, 2:6, 2:4] = tree.index("right_ventricle")
    return truth, prediction


def colours(picture: np.ndarray) -> set[str]:
    return {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in picture.reshape(-1, 3)}


def test_pictures_have_the_proportions_of_the_body(acdc_tree):
    truth, prediction = masks(acdc_tree)
    rows = case_slices(truth, prediction, acdc_tree, spacing=(1.0, 3.0, 8.0), truth=truth)
    height, width, _ = pixels(rows[0][0].webp).shape
    assert width / height == pytest.approx(20 * 1.0 / (10 * 3.0), rel=0.02)


def test_each_kind_of_error_has_its_colour(acdc_tree):
    truth, prediction = masks(acdc_tree)
    image = np.zeros(truth.shape, np.uint8)
    rows = case_slices(image, prediction, acdc_tree, spacing=(1, 1, 1), truth=truth)
    assert [panel.name for panel in rows[0]] == ["image", "truth", "prediction", "error"]
    assert set(ERRORS.values()) <= colours(pixels(rows[0][3].webp))
    same = case_slices(image, truth, acdc_tree, spacing=(1, 1, 1), truth=truth)
    assert not set(ERRORS.values()) & colours(pixels(same[0][3].webp))


def test_what_a_coarse_truth_leaves_open_is_no_error(acdc_tree):
    _, prediction = masks(acdc_tree)
    truth = np.where(prediction > 0, acdc_tree.index("heart"), 0).astype(np.uint8)
    rows = case_slices(truth * 0, prediction, acdc_tree, spacing=(1, 1, 1), truth=truth)
    assert not set(ERRORS.values()) & colours(pixels(rows[0][3].webp))


def test_without_truth_there_is_uncertainty_and_no_error(acdc_tree):
    _, prediction = masks(acdc_tree)
    rows = case_slices(prediction, prediction, acdc_tree, spacing=(1, 1, 1), uncertainty=prediction)
    assert [panel.name for panel in rows[0]] == ["image", "prediction", "uncertainty"]


def test_slices_lie_across_thick_ones_and_hold_structures(acdc_tree):
    truth, prediction = masks(acdc_tree)
    assert slice_axis((1.0, 8.0, 1.0)) == 1
    rows = case_slices(truth, prediction, acdc_tree, spacing=(1, 1, 1), truth=truth)
    assert [row[0].alt for row in rows] == ["image, axial slice 3 of 6", "image, axial slice 4 of 6"]


def test_a_case_without_structures_is_drawn(acdc_tree):
    nothing = np.zeros((4, 4, 1), np.uint8)
    assert len(case_slices(nothing, nothing, acdc_tree, spacing=(1, 1, 1), truth=nothing)) == 1


def test_a_case_is_one_picture_where_only_one_is_taken(acdc_tree):
    truth, prediction = masks(acdc_tree)
    rows = case_slices(truth, prediction, acdc_tree, spacing=(1, 1, 1), truth=truth)
    sheet = contact_sheet(rows)
    height, width, _ = rows[0][0].picture.shape
    assert sheet.shape == (len(rows) * height, 4 * width, 3)
    np.testing.assert_array_equal(sheet[height:, 2 * width : 3 * width], rows[1][2].picture)
    np.testing.assert_array_equal(pixels(rows[0][1].webp), rows[0][1].picture)


def test_structures_are_full_at_their_border_and_faint_inside(acdc_tree):
    truth, prediction = masks(acdc_tree)
    colour = structure_colours(acdc_tree)[acdc_tree.index("right_ventricle")]
    picture = case_slices(truth * 0, prediction, acdc_tree, spacing=(1, 1, 1))[0][1].picture
    found = {tuple(rgb) for rgb in picture.reshape(-1, 3).tolist()}
    assert {tuple(colour.tolist()), tuple(np.rint(0.4 * colour).astype(int).tolist())} <= found
    outline = case_slices(truth * 0, prediction, acdc_tree, spacing=(1, 1, 1), fill=0.0)[0][1].picture
    assert (outline == colour).all(axis=-1).sum() == (picture == colour).all(axis=-1).sum()
    assert not (outline == np.rint(0.4 * colour)).all(axis=-1).any()


@pytest.mark.parametrize(
    ("spacing", "plane"),
    [((1, 1, 9), "right, front: axial"), ((1, 9, 1), "right, top: coronal"), ((9, 1, 1), "front, top: sagittal")],
)
def test_the_patients_right_and_front_are_on_the_viewers_left(acdc_tree, spacing, plane):
    image = np.zeros((9, 9, 9), np.uint8)
    image[8, 8, 8] = 255  # right, anterior, superior
    image = image.max(axis=int(np.argmax(spacing)), keepdims=True)
    picture = case_slices(image, image * 0, acdc_tree, spacing=spacing)[0][1].picture
    assert picture[0, 0].tolist() == [255, 255, 255], plane
    assert not picture[: picture.shape[0] // 2, picture.shape[1] // 2 :].any(), plane


def test_letters_on_the_image_name_the_edges(acdc_tree):
    nothing = np.zeros((9, 9, 1), np.uint8)
    image, prediction = (panel.picture for panel in case_slices(nothing, nothing, acdc_tree, spacing=(1, 1, 1))[0])
    height, width, _ = image.shape
    left, top = (
        (slice(height // 2 - 10, height // 2 + 10), slice(0, 20)),
        (slice(0, 20), slice(width // 2 - 10, width // 2 + 10)),
    )
    for edge in (left, top):
        assert image[edge].any()
        assert not prediction[edge].any(), "a letter covers no structure"


def test_grey_is_not_ruined_by_a_single_bright_voxel():
    image = np.tile(np.linspace(0, 1, 20)[:, None], (1, 20))
    image[0, 0] = 1e6
    assert shades(image)[10, 10] == pytest.approx(255 * 10 / 19, abs=2)
    assert not shades(np.full((4, 4), 7.0)).any()

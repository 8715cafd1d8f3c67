"""Boxes have volumes, extents, positions and intensities that are known by heart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cladeseg.segmentation.selection import SuperclassView, case_features, shell_around

SPACING = np.array([2.0, 1.0, 3.0])
SHAPE = (12, 16, 10)
BOX = (slice(2, 6), slice(3, 13), slice(4, 6))  # 8 x 10 x 6 mm


def view_of(inside: np.ndarray, *, image: np.ndarray | None = None, affine: np.ndarray | None = None) -> SuperclassView:
    if image is None:
        image = np.random.default_rng(0).normal(size=(1, *inside.shape)).astype(np.float32)
    return SuperclassView(
        image, inside.astype(np.uint8), inside, np.diag([*SPACING, 1.0]) if affine is None else affine
    )


def box() -> np.ndarray:
    inside = np.zeros(SHAPE, bool)
    inside[BOX] = True
    return inside


def named(view: SuperclassView) -> dict[str, float]:
    return {feature.name: value for feature, value in case_features(view).items()}


def test_a_box_has_its_volume_extent_elongation_and_place():
    found = named(view_of(box()))
    assert found["volume"] == pytest.approx(8 * 10 * 6 / 1000)
    assert [found[f"extent {a}"] for a in ("left-right", "posterior-anterior", "inferior-superior")] == [8, 10, 6]
    assert found["elongation"] == pytest.approx(10 / 6)
    centre = (np.array([3.5, 7.5, 4.5]) - (np.array(SHAPE) - 1) / 2) * SPACING
    position = [found[f"position {a}"] for a in ("left-right", "posterior-anterior", "inferior-superior")]
    np.testing.assert_allclose(position, centre)


def test_a_single_voxel_is_a_solid_of_its_own_size():
    inside = np.zeros(SHAPE, bool)
    inside[5, 5, 5] = True
    found = named(view_of(inside))
    assert found["volume"] == pytest.approx(6 / 1000)
    assert found["extent inferior-superior"] == pytest.approx(3)
    assert found["elongation"] == pytest.approx(3)


def test_the_way_a_file_stores_its_voxels_does_not_matter():
    rng = np.random.default_rng(1)
    inside, image = rng.random(SHAPE) < 0.1, rng.normal(size=(1, *SHAPE)).astype(np.float32)
    plain = named(view_of(inside, image=image))
    # Axes in another order and one of them backwards; the affine says so, and the patient stands elsewhere.
    stored = np.zeros((4, 4))
    stored[2, 0], stored[0, 1], stored[1, 2], stored[3, 3] = SPACING[2], -SPACING[0], SPACING[1], 1
    stored[:3, 3] = [100, -50, 7]
    turned = inside.transpose(2, 0, 1)[:, ::-1], image.transpose(0, 3, 1, 2)[:, :, ::-1]
    assert named(view_of(*turned[:1], image=turned[1], affine=stored)) == pytest.approx(plain)


def test_intensities_are_those_inside_and_within_five_millimetres():
    inside = box()
    image = np.full((1, *SHAPE), 100, np.float32)
    image[0, shell_around(inside, SPACING.tolist())] = 7
    image[0, inside] = np.linspace(0, 1, inside.sum())
    found = named(view_of(inside, image=image))
    assert found["mean intensity inside"] == pytest.approx(0.5)
    assert found["intensity percentile 90 inside"] == pytest.approx(0.9, abs=1e-3)
    assert found["spread of intensity inside"] == pytest.approx(1 / math.sqrt(12), rel=0.02)
    assert (found["mean intensity around"], found["spread of intensity around"]) == (7, 0)


def test_a_shell_is_measured_in_millimetres_and_stays_in_the_image():
    inside = np.zeros((11, 11, 3), bool)
    inside[5, 5, 1] = True
    shell = shell_around(inside, [1.0, 2.5, 8.0])
    assert np.flatnonzero(shell[:, 5, 1]).tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert np.flatnonzero(shell[5, :, 1]).tolist() == [3, 4, 6, 7]
    assert not shell[..., [0, 2]].any()
    edge = np.zeros((4, 4, 2), bool)
    edge[0] = True
    assert shell_around(edge, [6.0, 6.0, 6.0]).sum() == 8  # thinner than a voxel: direct neighbours all the same


def test_what_is_not_there_has_no_value():
    image = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)
    image[1] = 0
    found = named(view_of(box(), image=image))
    assert math.isnan(found["mean intensity of channel 1 inside"])
    assert math.isfinite(found["mean intensity of channel 0 inside"])
    assert math.isnan(named(view_of(np.ones(SHAPE, bool)))["mean intensity around"])


def test_an_empty_superclass_cannot_be_described():
    with pytest.raises(ValueError, match="the superclass is empty"):
        case_features(view_of(np.zeros(SHAPE, bool)))

"""Masks of structures: where a map knows them, their voxels in mm, and their overlap."""

from __future__ import annotations

import numpy as np
import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.metrics import dice, iou
from cladeseg.segmentation.metrics.masks import annotated_nodes, check_maps, inside, spacing_of, status_of

FIRST_FOUR = np.arange(8) < 4
LAST_FIVE = np.arange(8) >= 3


def node_map(*names, tree) -> np.ndarray:
    return np.array([tree.index(name) for name in names], dtype=np.uint8).reshape(1, 1, -1)


def test_a_voxel_lies_inside_its_node_and_all_ancestors(acdc_tree):
    nodes = node_map("background", "left_ventricle", "left_heart", "heart", "root", tree=acdc_tree)
    assert inside(nodes, acdc_tree.index("left_heart"), acdc_tree).ravel().tolist() == [False, True, True, False, False]


def annotated(*names, tree) -> set[str]:
    return {tree.names[v] for v in annotated_nodes(node_map(*names, tree=tree), tree)}


def test_leaf_labels_determine_every_structure(acdc_tree):
    everything = set(acdc_tree.names) - {"background", "root"}
    assert annotated("background", "myocardium", tree=acdc_tree) == everything


def test_a_coarse_label_hides_what_is_inside_it_only(acdc_tree):
    assert annotated("background", "left_heart", tree=acdc_tree) == {"heart", "left_heart", "right_ventricle"}
    assert annotated("background", "heart", tree=acdc_tree) == {"heart"}


def test_an_unannotated_voxel_hides_everything(acdc_tree):
    assert annotated("left_ventricle", "root", tree=acdc_tree) == set()


@pytest.mark.parametrize(
    ("prediction", "truth", "status"),
    [(1, 1, "ok"), (0, 0, "both_empty"), (0, 1, "missed"), (1, 0, "spurious")],
)
def test_status_says_which_of_the_two_is_there(prediction, truth, status):
    assert status_of(np.array([prediction, 0], dtype=bool), np.array([0, truth], dtype=bool)) == status


@pytest.mark.parametrize(
    ("predicted", "truth"),
    [
        (np.zeros((2, 2, 3), dtype=np.uint8), np.zeros((2, 2, 2), dtype=np.uint8)),
        (np.zeros((2, 2), dtype=np.uint8), np.zeros((2, 2), dtype=np.uint8)),
        (np.zeros((2, 2, 2)), np.zeros((2, 2, 2), dtype=np.uint8)),
        (np.zeros((2, 2, 2), dtype=np.uint8), np.full((2, 2, 2), 7)),
        (np.full((2, 2, 2), -1), np.zeros((2, 2, 2), dtype=np.uint8)),
    ],
)
def test_maps_that_cannot_be_compared_name_the_case(acdc_tree, predicted, truth):
    with pytest.raises(DataError, match=r"^patient007_frame01: "):
        check_maps("patient007_frame01", predicted, truth, acdc_tree)


def test_spacing_is_the_length_of_the_affines_columns():
    affine = np.diag([2.0, 3.0, 4.0, 1.0]) @ np.array([[0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]])
    assert spacing_of("a", affine) == [3.0, 2.0, 4.0]


@pytest.mark.parametrize("affine", [np.eye(3), np.diag([1.0, 0.0, 1.0, 1.0]), np.full((4, 4), np.nan)])
def test_an_affine_that_flattens_voxels_is_refused_by_its_case(affine):
    with pytest.raises(DataError, match=r"^patient007_frame01: "):
        spacing_of("patient007_frame01", affine)


def test_overlap_is_counted_in_voxels():
    assert dice(FIRST_FOUR, LAST_FIVE) == 2 * 1 / (4 + 5)
    assert iou(FIRST_FOUR, LAST_FIVE) == 1 / 8


@pytest.mark.parametrize("measure", [dice, iou])
def test_equal_masks_score_one_and_disjoint_masks_zero(measure):
    assert measure(FIRST_FOUR, FIRST_FOUR) == 1
    assert measure(FIRST_FOUR, ~FIRST_FOUR) == 0


@pytest.mark.parametrize("measure", [dice, iou])
def test_two_empty_masks_have_no_overlap_value(measure):
    nothing = np.zeros(8, dtype=bool)
    assert measure(nothing, nothing) is None

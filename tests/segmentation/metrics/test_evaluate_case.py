from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cladeseg.segmentation.metrics import STRUCTURE_METRICS, evaluate_case

UNIT = np.eye(4)


def one_voxel(tree, name: str, x: int) -> np.ndarray:
    """(8, 1, 1) background with one voxel of a structure."""
    nodes = np.zeros((8, 1, 1), dtype=np.uint8)
    nodes[x] = tree.index(name)
    return nodes


def values_of(records, node: str) -> dict:
    return {record.metric: record.value for record in records if record.node == node}


def statuses(records) -> dict[str, str]:
    return {record.node: record.status for record in records}


def test_leaves_and_superclasses_are_measured_background_and_root_are_not(acdc_tree):
    nodes = one_voxel(acdc_tree, "myocardium", 2)
    records = evaluate_case("c", nodes, nodes, acdc_tree, affine=UNIT)
    wanted = [(name, metric) for name in acdc_tree.names[1:-1] for metric in STRUCTURE_METRICS]
    assert [(record.node, record.metric) for record in records] == wanted
    assert {record.case for record in records} == {"c"}


def test_a_confused_leaf_is_right_at_the_level_of_the_superclass(acdc_tree):
    predicted, truth = (one_voxel(acdc_tree, name, 2) for name in ("myocardium", "left_ventricle"))
    records = evaluate_case("c", predicted, truth, acdc_tree, affine=UNIT)
    perfect = {"dice": 1.0, "iou": 1.0, "hd95_mm": 0.0, "assd_mm": 0.0, "nsd": 1.0}
    assert values_of(records, "left_heart") == values_of(records, "heart") == perfect
    assert statuses(records) == {
        "right_ventricle": "both_empty",
        "myocardium": "spurious",
        "left_ventricle": "missed",
        "heart": "ok",
        "left_heart": "ok",
    }


@pytest.mark.parametrize(("predicted", "truth", "status"), [(0, 1, "missed"), (1, 0, "spurious")])
def test_a_missed_or_spurious_structure_never_counts_as_zero_millimetres(flat_tree, predicted, truth, status):
    maps = [one_voxel(flat_tree, "a", 3) * there for there in (predicted, truth)]
    records = evaluate_case("c", *maps, flat_tree, affine=UNIT)
    assert values_of(records, "a") == {"dice": 0.0, "iou": 0.0, "hd95_mm": None, "assd_mm": None, "nsd": 0.0}
    assert statuses(records) == {"a": status, "b": "both_empty"}


def test_a_structure_in_neither_has_no_value(flat_tree):
    nothing = np.zeros((4, 4, 4), dtype=np.uint8)
    records = evaluate_case("c", nothing, nothing, flat_tree, affine=UNIT)
    assert values_of(records, "b") == dict.fromkeys(STRUCTURE_METRICS)
    assert set(statuses(records).values()) == {"both_empty"}


def test_structures_that_the_truth_leaves_open_are_left_out(acdc_tree):
    truth = one_voxel(acdc_tree, "left_heart", 2)
    records = evaluate_case("c", one_voxel(acdc_tree, "myocardium", 2), truth, acdc_tree, affine=UNIT)
    assert statuses(records) == {"right_ventricle": "both_empty", "heart": "ok", "left_heart": "ok"}


def test_distances_are_in_millimetres_of_the_affine(flat_tree):
    predicted, truth = one_voxel(flat_tree, "a", 1), one_voxel(flat_tree, "a", 4)
    flipped = np.diag([-1.5, 1.0, 8.0, 1.0])
    values = values_of(evaluate_case("c", predicted, truth, flat_tree, affine=flipped, tolerance_mm=4.6), "a")
    assert values["hd95_mm"] == values["assd_mm"] == pytest.approx(4.5)
    assert (values["dice"], values["nsd"]) == (0.0, 1.0)


def test_an_oblique_affine_measures_along_its_own_axes(flat_tree):
    rotation = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()
    oblique = np.eye(4)
    oblique[:3, :3] = rotation @ np.diag([1.5, 0.9, 8.0])
    oblique[:3, 3] = [-120.0, 33.0, 7.0]
    predicted, truth = np.zeros((2, 6, 6, 6), dtype=np.uint8)
    predicted[0, 1, 1], truth[2, 4, 3] = 1, 1
    distance = np.linalg.norm(oblique[:3, :3] @ [2, 3, 2])
    for affine in (oblique, oblique.astype(np.float32)):
        values = values_of(evaluate_case("c", predicted, truth, flat_tree, affine=affine), "a")
        assert values["hd95_mm"] == values["assd_mm"] == pytest.approx(distance, rel=1e-6)


def test_the_inputs_are_left_as_they_are(acdc_tree):
    predicted, truth = one_voxel(acdc_tree, "myocardium", 1), one_voxel(acdc_tree, "left_ventricle", 2)
    before = predicted.copy(), truth.copy()
    evaluate_case("c", predicted, truth, acdc_tree, affine=UNIT)
    np.testing.assert_array_equal((predicted, truth), before)


def test_different_shapes_name_the_case(flat_tree):
    with pytest.raises(ValueError, match=r"^patient001_frame01: .*\(4, 4, 4\).*\(4, 4, 5\)"):
        evaluate_case(
            "patient001_frame01",
            np.zeros((4, 4, 4), dtype=np.uint8),
            np.zeros((4, 4, 5), dtype=np.uint8),
            flat_tree,
            affine=UNIT,
        )


@pytest.mark.parametrize("affine", [np.eye(3), np.diag([1.0, 0.0, 1.0, 1.0]), np.full((4, 4), np.nan)])
def test_an_affine_without_voxels_names_the_case(flat_tree, affine):
    nothing = np.zeros((2, 2, 2), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"^patient001_frame01: .*affine"):
        evaluate_case("patient001_frame01", nothing, nothing, flat_tree, affine=affine)

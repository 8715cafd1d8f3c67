"""Lesion-wise scores, worked out by hand on a row of blocks."""

from __future__ import annotations

import numpy as np
import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.metrics import BRATS_PENALTY_MM, LESION_METRICS, evaluate_case, lesion_records

UNIT = np.eye(4)
LENGTH = 24


def blocks(*ranges: tuple[int, int], value: int = 1) -> np.ndarray:
    """(24, 5, 5) background with 2 × 2 beams of a structure over x in each range (stop excluded)."""
    nodes = np.zeros((LENGTH, 5, 5), dtype=np.uint8)
    for start, stop in ranges:
        nodes[start:stop, 1:3, 1:3] = value
    return nodes


def values(tree, predicted: np.ndarray, truth: np.ndarray, node: str = "a", **options) -> dict:
    options = {"affine": UNIT, "min_volume_mm3": 0, "dilation": 1} | options
    records = lesion_records("c", predicted, truth, tree, **options)
    return {record.metric: record.value for record in records if record.node == node}


def status(tree, predicted: np.ndarray, truth: np.ndarray) -> str:
    records = lesion_records("c", predicted, truth, tree, affine=UNIT)
    (found,) = {record.status for record in records if record.node == "a"}
    return found


def test_one_found_one_missed_and_one_false_positive(flat_tree):
    truth = blocks((0, 4), (10, 12))
    predicted = blocks((1, 4), (20, 22))  # Dice of the first 2·3 / (3 + 4)
    found = values(flat_tree, predicted, truth)
    assert found["lesion_dice"] == pytest.approx((6 / 7 + 0 + 0) / 3)
    assert (found["lesions_missed"], found["lesions_spurious"]) == (1, 1)
    # 95th percentile over the 16 voxels of the truth, 4 of them 1 mm off.
    assert found["lesion_hd95_mm"] == pytest.approx(1.0)


def test_the_challenge_s_penalty_is_an_option(flat_tree):
    truth, predicted = blocks((0, 4), (10, 12)), blocks((1, 4), (20, 22))
    penalised = values(flat_tree, predicted, truth, penalty_mm=BRATS_PENALTY_MM)
    assert penalised["lesion_hd95_mm"] == pytest.approx((1 + 374 + 374) / 3)
    all_missed = blocks((10, 12))
    assert values(flat_tree, blocks(), all_missed)["lesion_hd95_mm"] is None
    assert values(flat_tree, blocks(), all_missed, penalty_mm=374.0)["lesion_hd95_mm"] == 374.0


def test_small_lesions_weigh_as_much_as_large_ones(flat_tree):
    truth = blocks((0, 15), (20, 21))
    found = values(flat_tree, blocks((0, 15)), truth)
    (whole,) = [r.value for r in evaluate_case("c", blocks((0, 15)), truth, flat_tree, affine=UNIT)][:1]
    assert found["lesion_dice"] == 0.5
    assert whole > 0.95


@pytest.mark.parametrize(("dilation", "missed", "score"), [(1, 0, 4 / 6), (0, 1, 0.5)])
def test_lesions_whose_dilations_meet_are_one(flat_tree, dilation, missed, score):
    truth = blocks((0, 2), (4, 6))  # two voxels between them: one dilation each closes the gap
    found = values(flat_tree, blocks((0, 2)), truth, dilation=dilation)
    assert (found["lesions_missed"], found["lesion_dice"]) == (missed, pytest.approx(score))


def test_the_dilation_groups_but_is_no_part_of_the_lesion(flat_tree):
    truth = blocks((8, 12))
    assert values(flat_tree, truth, truth, dilation=3)["lesion_dice"] == 1.0


@pytest.mark.parametrize(("gap", "wrong"), [(0, 0), (2, 0), (3, 1)])
def test_a_component_belongs_to_a_lesion_if_it_touches_its_dilation(flat_tree, gap, wrong):
    truth, predicted = blocks((5, 8)), blocks((8 + gap, 10 + gap))
    found = values(flat_tree, predicted, truth, dilation=3)
    assert (found["lesions_missed"], found["lesions_spurious"]) == (wrong, wrong)
    assert found["lesion_dice"] == 0.0


def test_all_that_touches_a_lesion_counts_to_it_whole(flat_tree):
    truth, predicted = blocks((0, 8)), blocks((0, 2), (4, 12))
    assert values(flat_tree, predicted, truth)["lesion_dice"] == pytest.approx(2 * 6 / (8 + 10))


def test_one_component_may_belong_to_two_lesions(flat_tree):
    truth, predicted = blocks((0, 4), (10, 14)), blocks((0, 14))
    found = values(flat_tree, predicted, truth)
    assert found["lesion_dice"] == pytest.approx(2 * 4 / (4 + 14))
    assert (found["lesions_missed"], found["lesions_spurious"]) == (0, 0)


def test_diagonal_neighbours_are_one_component(flat_tree):
    nodes = np.zeros((6, 6, 6), dtype=np.uint8)
    nodes[1, 1, 1] = nodes[2, 2, 2] = 1
    assert values(flat_tree, nodes, np.zeros_like(nodes))["lesions_spurious"] == 1


def test_lesions_up_to_the_limit_are_passed_over_with_what_touches_them(flat_tree):
    truth, predicted = blocks((0, 4), (10, 11)), blocks((0, 4), (10, 12))
    assert values(flat_tree, predicted, truth, min_volume_mm3=4)["lesion_dice"] == 1.0
    assert values(flat_tree, predicted, truth, min_volume_mm3=4)["lesions_spurious"] == 0
    assert values(flat_tree, predicted, truth, min_volume_mm3=3.9)["lesion_dice"] == pytest.approx((1 + 2 / 3) / 2)
    missed = values(flat_tree, blocks((0, 4)), truth, min_volume_mm3=4)
    assert (missed["lesion_dice"], missed["lesions_missed"]) == (1.0, 0)


def test_volumes_and_distances_are_in_the_affine_s_millimetres(flat_tree):
    truth, predicted = blocks((0, 4), (10, 11)), blocks((1, 4), (10, 11))
    affine = np.diag([-2.0, 0.5, 1.0, 1.0])  # 1 mm³, so the limit is as before; 2 mm along x
    found = values(flat_tree, predicted, truth, affine=affine, min_volume_mm3=4)
    assert found["lesion_hd95_mm"] == pytest.approx(2.0)
    larger = values(flat_tree, predicted, truth, affine=affine * [1, 1, 3, 1], min_volume_mm3=4)
    assert larger["lesion_hd95_mm"] == pytest.approx((2 + 0) / 2)


def test_structures_in_neither_or_one_are_typed_as_elsewhere(flat_tree):
    nothing, there = blocks(), blocks((0, 20))
    empty = values(flat_tree, nothing, nothing)
    assert empty == dict(zip(LESION_METRICS, (None, None, 0, 0), strict=True))
    assert status(flat_tree, nothing, nothing) == "both_empty"
    missed = values(flat_tree, nothing, there)
    assert missed == dict(zip(LESION_METRICS, (0, None, 1, 0), strict=True))
    assert status(flat_tree, nothing, there) == "missed"
    spurious = values(flat_tree, there, nothing)
    assert spurious == dict(zip(LESION_METRICS, (0, None, 0, 1), strict=True))
    assert status(flat_tree, there, nothing) == "spurious"


def test_only_passed_over_lesions_give_no_score(flat_tree):
    found = values(flat_tree, blocks(), blocks((3, 4)), min_volume_mm3=50)
    assert found == dict(zip(LESION_METRICS, (None, None, 0, 0), strict=True))


def test_every_structure_that_the_truth_determines_is_scored(brats_tree):
    truth = blocks((0, 4), value=brats_tree.index("tumour_core"))
    predicted = blocks((0, 4), value=brats_tree.index("enhancing"))
    records = lesion_records("c", predicted, truth, brats_tree, affine=UNIT, min_volume_mm3=0)
    assert [r.node for r in records if r.metric == "lesion_dice"] == ["oedema", "whole_tumour", "tumour_core"]
    assert values(brats_tree, predicted, truth, "tumour_core")["lesion_dice"] == 1.0


def test_a_lesion_at_the_border_of_the_volume_is_grown_inside_only(flat_tree):
    truth = blocks((0, 2), (LENGTH - 2, LENGTH))
    found = values(flat_tree, truth, truth, dilation=3)
    assert (found["lesion_dice"], found["lesions_missed"], found["lesions_spurious"]) == (1.0, 0, 0)


@pytest.mark.parametrize("option", ["min_volume_mm3", "dilation", "penalty_mm"])
def test_negative_options_are_refused_by_name(flat_tree, option):
    with pytest.raises(ValueError, match=f"{option}: not negative"):
        values(flat_tree, blocks(), blocks(), **{option: -1})


def test_maps_of_two_shapes_name_the_case(flat_tree):
    with pytest.raises(DataError, match=r"^c: "):
        lesion_records("c", blocks(), blocks()[1:], flat_tree, affine=UNIT)

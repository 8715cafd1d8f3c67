"""The validation score: what counts and what does not."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader, MetaTensor
from monai.engines import SupervisedEvaluator
from torch import nn

from cladeseg.segmentation.engines import NodeDice
from cladeseg.taxonomy import Taxonomy

SHAPE = (6, 2, 1)


def node_map(tree: Taxonomy, *names: str) -> torch.Tensor:
    """(6, 2, 1): one node for each position along x."""
    return torch.tensor([tree.index(name) for name in names])[:, None, None].expand(SHAPE)


def case_of(tree: Taxonomy, truth: Iterable[str], predicted: Iterable[str]) -> dict[str, Any]:
    """A case whose image is its own prediction, one channel per leaf."""
    leaf = nn.functional.one_hot(node_map(tree, *predicted), tree.num_leaves).movedim(-1, 0).float()
    return {"image": leaf, "nodes": node_map(tree, *truth)[None].to(torch.uint8)}


def evaluator_of(tree: Taxonomy, cases: list[dict[str, Any]], **options: Any) -> SupervisedEvaluator:
    return SupervisedEvaluator(
        device="cpu",
        val_data_loader=DataLoader(cases, batch_size=1),
        network=nn.Identity(),
        val_handlers=[NodeDice(tree, **options)],
    )


def scores(tree: Taxonomy, *cases: dict[str, Any]) -> dict[str, float]:
    evaluator = evaluator_of(tree, list(cases))
    evaluator.run()
    return evaluator.state.metrics


BG, RV, MYO, LV = "background", "right_ventricle", "myocardium", "left_ventricle"
WHOLE = (BG, BG, RV, MYO, LV, LV)


def test_a_perfect_prediction_scores_one_on_every_structure(acdc_tree):
    found = scores(acdc_tree, case_of(acdc_tree, WHOLE, WHOLE))
    structures = (*acdc_tree.names[1:-1],)
    assert found == {**{f"dice_{name}": 1.0 for name in structures}, "mean_dice": 1.0}


def test_the_closed_form_of_one_mistake(acdc_tree):
    found = scores(acdc_tree, case_of(acdc_tree, WHOLE, (BG, BG, RV, LV, LV, LV)))
    expected = {
        "dice_right_ventricle": 1,
        "dice_myocardium": 0,
        "dice_left_ventricle": 4 / 5,
        "dice_heart": 1,
        "dice_left_heart": 1,
    }
    assert found == pytest.approx({**expected, "mean_dice": np.mean(list(expected.values()))})


def test_a_coarse_truth_scores_its_superclass_alone(acdc_tree):
    coarse = (BG, BG, "heart", "heart", "heart", "heart")
    found = scores(acdc_tree, case_of(acdc_tree, coarse, (BG, BG, BG, RV, MYO, LV)))
    assert found == pytest.approx({"dice_heart": 6 / 7, "mean_dice": 6 / 7})


def test_a_structure_in_neither_is_not_counted(acdc_tree):
    found = scores(acdc_tree, case_of(acdc_tree, (BG, BG, BG, BG, LV, LV), (BG, BG, BG, LV, LV, LV)))
    assert "dice_right_ventricle" not in found
    assert "dice_myocardium" not in found
    assert found["mean_dice"] == pytest.approx(4 / 5)


def test_a_spurious_structure_counts_as_zero(acdc_tree):
    found = scores(acdc_tree, case_of(acdc_tree, (BG, BG, BG, BG, LV, LV), (BG, BG, BG, RV, LV, LV)))
    assert found["dice_right_ventricle"] == 0


def test_cases_are_averaged_per_structure_and_then_structures(acdc_tree):
    """One fine case with everything right, one coarse case with half the heart."""
    coarse = case_of(acdc_tree, (BG, BG, "heart", "heart", "heart", "heart"), (BG, BG, BG, BG, LV, LV))
    found = scores(acdc_tree, case_of(acdc_tree, WHOLE, WHOLE), coarse)
    heart = (1 + 2 * 2 / (4 + 2)) / 2
    assert found["dice_heart"] == pytest.approx(heart)
    assert found["mean_dice"] == pytest.approx((4 * 1 + heart) / 5)


def test_nothing_to_score_is_no_score(acdc_tree):
    found = scores(acdc_tree, case_of(acdc_tree, ["root"] * 6, WHOLE))
    assert set(found) == {"mean_dice"}
    assert math.isnan(found["mean_dice"])


def test_each_run_starts_anew(acdc_tree):
    cases = [case_of(acdc_tree, WHOLE, (BG,) * 6)]
    evaluator = evaluator_of(acdc_tree, cases)
    evaluator.run()
    cases[0].update(case_of(acdc_tree, WHOLE, WHOLE))
    evaluator.run()
    assert evaluator.state.metrics["mean_dice"] == 1


def test_the_picture_is_of_the_first_case_of_each_run(acdc_tree):
    drawn = []

    def picture(*arrays: np.ndarray) -> np.ndarray:
        drawn.append(arrays)
        return np.full((1, 1, 3), len(drawn), np.uint8)

    cases = [case_of(acdc_tree, WHOLE, WHOLE), case_of(acdc_tree, (BG,) * 6, WHOLE)]
    evaluator = evaluator_of(acdc_tree, cases, picture=picture)
    for number in (1, 2):
        evaluator.run()
        assert evaluator.state.overlay.max() == number
    assert len(drawn) == 2
    image, truth, predicted, affine = drawn[0]
    assert image.shape == truth.shape == predicted.shape == SHAPE
    assert np.array_equal(truth, node_map(acdc_tree, *WHOLE))
    assert np.array_equal(predicted, node_map(acdc_tree, *WHOLE))
    assert np.array_equal(affine, np.eye(4))


def test_the_picture_knows_where_the_voxels_lie(acdc_tree):
    affine = np.array([[0, 2.0, 0, 1], [-3.0, 0, 0, 2], [0, 0, 8.0, 3], [0, 0, 0, 1]])
    case = case_of(acdc_tree, WHOLE, WHOLE)
    case["image"] = MetaTensor(case["image"], affine=affine)
    seen = []

    def picture(*arrays: np.ndarray) -> np.ndarray:
        seen.append(arrays[-1])
        return np.zeros((1, 1, 3), np.uint8)

    evaluator_of(acdc_tree, [case], picture=picture).run()
    assert np.array_equal(seen[0], affine)

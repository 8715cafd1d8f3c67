"""Each fine case is labelled from the others only."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from cladeseg.segmentation.transforms import LeftOut, RegionLabels, leave_one_out, part_dice
from cladeseg.taxonomy import Taxonomy


def case(tree: Taxonomy, border: int) -> dict[str, Any]:
    nodes = torch.full((1, 20, 4, 4), tree.index("right_ventricle"), dtype=torch.uint8)
    nodes[:, :border] = tree.index("left_ventricle")
    return {"image": torch.zeros(1, 20, 4, 4), "nodes": nodes}


def test_the_dice_of_a_border_that_is_off_is_the_closed_form(acdc_tree: Taxonomy) -> None:
    labels = RegionLabels(acdc_tree, [case(acdc_tree, 10)["nodes"]], sigma=0)
    dice = part_dice(labels, case(acdc_tree, 6), "heart")
    assert dice == pytest.approx([2 * 10 / (10 + 14), 2 * 6 / (10 + 6)])


def test_a_case_never_labels_itself(acdc_tree: Taxonomy) -> None:
    scores = leave_one_out(
        acdc_tree, [case(acdc_tree, 10), case(acdc_tree, 6)], groups=["a", "b"], supervision="heart", sigma=0
    )
    assert scores is not None
    assert scores.without < 0.9
    assert scores.with_intensity == pytest.approx(scores.without), "flat images change nothing"
    assert scores.intensity_helps


def test_one_group_cannot_be_left_out(acdc_tree: Taxonomy) -> None:
    cases = [case(acdc_tree, 10), case(acdc_tree, 6)]
    assert leave_one_out(acdc_tree, cases, groups=["a", "a"], supervision="heart") is None


def test_intensity_has_to_be_as_good() -> None:
    assert not LeftOut(0.8, 0.79).intensity_helps

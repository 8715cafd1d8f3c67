from __future__ import annotations

import numpy as np
import pytest

from cladeseg.segmentation.metrics import dice, iou

FIRST_FOUR = np.arange(8) < 4
LAST_FIVE = np.arange(8) >= 3


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

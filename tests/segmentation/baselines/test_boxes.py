"""Boxes lie wholly inside, everywhere they can."""

from __future__ import annotations

import pytest
import torch

from cladeseg.segmentation.baselines.boxes import random_box


def test_a_box_has_its_sides_and_reaches_both_ends():
    generator, corners = torch.Generator().manual_seed(0), set()
    for _ in range(100):
        box = random_box((4, 4, 2), (2, 3, 2), generator)
        assert box.shape == (4, 4, 2) and box.sum() == 2 * 3 * 2
        place = box.nonzero()
        assert (place.amax(0) - place.amin(0) + 1).tolist() == [2, 3, 2]
        corners.add(tuple(place.amin(0).tolist()))
    assert corners == {(x, y, 0) for x in range(3) for y in range(2)}


def test_a_side_of_zero_is_an_empty_box():
    assert not random_box((4, 4, 4), (0, 2, 2), torch.Generator()).any()


@pytest.mark.parametrize("sides", [(5, 1, 1), (-1, 1, 1), (1, 1)])
def test_a_box_that_does_not_fit_is_refused(sides):
    with pytest.raises(ValueError, match="does not fit"):
        random_box((4, 4, 4), sides, torch.Generator())

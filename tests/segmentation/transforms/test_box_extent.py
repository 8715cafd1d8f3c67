"""The extent of a region that is a box is the box's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cladeseg.segmentation.transforms.box_extent import box_extent


@pytest.mark.parametrize("side", [1, 2, 7, 40])
def test_a_row_of_voxels_has_its_own_length(side: int) -> None:
    places = np.arange(side)
    assert box_extent(places.var(keepdims=True)) == pytest.approx(side)
    torch.testing.assert_close(box_extent(torch.tensor([places.var()])), torch.tensor([float(side)]).double())


def test_one_stray_voxel_hardly_moves_it() -> None:
    places = np.append(np.repeat(np.arange(20), 100), 60)
    assert box_extent(places.var(keepdims=True)) == pytest.approx(20, rel=0.05)

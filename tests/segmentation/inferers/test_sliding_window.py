"""Windows of the patch's size."""

from __future__ import annotations

import pytest

from cladeseg.segmentation.inferers import sliding_window


@pytest.mark.parametrize("overlap", [-0.1, 1.0, 25.0])
def test_an_impossible_overlap_is_refused_by_name(overlap):
    with pytest.raises(ValueError, match=f"overlap: .*{overlap}"):
        sliding_window([8, 8, 4], overlap)
    assert sliding_window([8, 8, 4], 0.0).overlap == 0.0

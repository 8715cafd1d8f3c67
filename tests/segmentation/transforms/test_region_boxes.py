"""Boxes around regions, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cladeseg.segmentation.transforms import RegionBoxes, slices_of


def boxes_of(*regions: tuple[tuple[slice, ...], float], shape: tuple[int, ...] = (20, 20, 6), **options: Any) -> Any:
    p = np.zeros(shape)
    for region, value in regions:
        p[region] = value
    finder = RegionBoxes(**{"margin": (0, 0, 0), "least": (1, 1, 1), **options})
    return finder(p).tolist()


def cube(x: int, y: int, z: int, side: int = 2) -> tuple[slice, ...]:
    return tuple(slice(n, n + side) for n in (x, y, z))


def test_nothing_gives_no_box() -> None:
    assert boxes_of() == boxes_of((cube(3, 3, 3), 0.5)) == []


def test_the_margin_is_added_on_each_side_and_ends_at_the_border() -> None:
    assert boxes_of((cube(4, 0, 3), 1.0), margin=(3, 3, 2)) == [[[1, 0, 1], [9, 5, 6]]]


def test_a_margin_of_part_of_a_voxel_takes_the_whole_one() -> None:
    assert boxes_of((cube(4, 4, 2), 1.0), margin=(1.5, 1, 0.1)) == [[[2, 3, 1], [8, 7, 5]]]


def test_two_components_give_two_boxes_the_larger_first() -> None:
    assert boxes_of((cube(1, 1, 1), 1.0), (cube(10, 10, 1, 4), 1.0)) == [
        [[10, 10, 1], [14, 14, 5]],
        [[1, 1, 1], [3, 3, 3]],
    ]


def test_boxes_that_overlap_become_one_even_if_only_the_union_does() -> None:
    near = boxes_of((cube(1, 1, 1), 1.0), (cube(6, 6, 1), 1.0), margin=(2, 2, 0))
    assert near == [[[0, 0, 1], [10, 10, 3]]]
    # The union of the first two reaches the third, which neither did alone.
    chain = boxes_of((cube(0, 0, 1), 1.0), (cube(3, 9, 1), 1.0), (cube(1, 4, 1), 1.0), margin=(1, 3, 0))
    assert chain == [[[0, 0, 1], [6, 14, 3]]]


def test_touching_at_a_corner_is_one_component() -> None:
    assert boxes_of((cube(1, 1, 1), 1.0), (cube(3, 3, 3), 1.0)) == [[[1, 1, 1], [5, 5, 5]]]


@pytest.mark.parametrize(("share", "count"), [(0.1, 2), (0.13, 1), (1.0, 1)])
def test_a_small_component_is_dropped_by_its_share_of_the_largest(share: float, count: int) -> None:
    assert len(boxes_of((cube(1, 1, 1), 1.0), (cube(10, 10, 1, 4), 1.0), min_share=share)) == count


def test_what_never_becomes_confident_is_dropped_whatever_its_size() -> None:
    weak, sure = (cube(10, 10, 1, 4), 0.6), (cube(1, 1, 1), 0.9)
    assert boxes_of(weak, sure, min_confidence=0.8, min_share=0.5) == [[[1, 1, 1], [3, 3, 3]]]
    assert boxes_of(weak, min_confidence=0.8) == []


def test_a_small_box_is_widened_to_the_patch_inside_the_volume() -> None:
    assert boxes_of((cube(9, 0, 3), 1.0), least=(6, 6, 10)) == [[[7, 0, 0], [13, 6, 6]]]


def test_a_coarse_map_gives_boxes_on_the_fine_grid() -> None:
    p = np.zeros((4, 4, 3))
    p[1, 2, 1] = 1
    boxes = RegionBoxes(margin=(1, 0, 0), least=(1, 1, 1))(p, (10, 8, 3))
    assert boxes.tolist() == [[[1, 4, 1], [6, 6, 2]]]


def test_slices_cut_the_box_out_of_every_channel() -> None:
    volume = torch.arange(2 * 4 * 4 * 4).reshape(2, 4, 4, 4)
    assert torch.equal(volume[slices_of(np.array([[1, 0, 2], [3, 2, 4]]))], volume[:, 1:3, 0:2, 2:4])

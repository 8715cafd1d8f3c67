"""The first pass's grid: it spans what the fine one spans."""

from __future__ import annotations

import pytest
import torch

from cladeseg.segmentation.transforms import coarsen_image, coarsen_nodes


@pytest.mark.parametrize(
    ("shape", "expected"), [((20, 20, 8), (8, 8, 8)), ((21, 19, 3), (8, 8, 3)), ((2, 1, 1), (1, 1, 1))]
)
def test_image_and_nodes_share_a_grid(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    image = coarsen_image(torch.rand(2, *shape), (2.5, 2.5, 1))
    nodes = coarsen_nodes(torch.zeros(1, *shape, dtype=torch.uint8), (2.5, 2.5, 1))
    assert image.shape[1:] == nodes.shape[1:] == expected
    assert nodes.dtype == torch.uint8


def test_a_ramp_is_sampled_at_the_centres_of_the_coarser_voxels() -> None:
    ramp = torch.arange(32.0).reshape(1, 32, 1, 1).expand(1, 32, 4, 4)
    expected = (torch.arange(16) + 0.5) * 2 - 0.5
    torch.testing.assert_close(coarsen_image(ramp, (2, 1, 1))[0, 2:-2, 0, 0], expected[2:-2])


def test_thirds_take_the_node_of_the_middle() -> None:
    nodes = torch.tensor([0, 1, 0, 0, 2, 0, 0, 3, 0], dtype=torch.uint8).reshape(1, 9, 1, 1)
    assert coarsen_nodes(nodes, (3, 1, 1)).flatten().tolist() == [1, 2, 3]


def test_equal_grids_change_nothing() -> None:
    image = torch.rand(1, 5, 4, 3)
    torch.testing.assert_close(coarsen_image(image, (1, 1, 1)), image)


def test_a_pattern_that_the_grid_cannot_hold_disappears() -> None:
    stripes = (torch.arange(32.0) % 2).reshape(1, 32, 1, 1)
    inner = coarsen_image(stripes, (4, 1, 1))[:, 1:-1]
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5), atol=0.005, rtol=0)

from __future__ import annotations

import torch

from cladeseg.segmentation.transforms.warp import affine_coordinates, warp


def _identity(batch: int, dims: int) -> torch.Tensor:
    return torch.eye(dims).repeat(batch, 1, 1)


def test_coordinates_are_the_affine_map_of_each_voxel() -> None:
    generator = torch.Generator().manual_seed(0)
    matrix, shift = torch.randn(2, 3, 3, generator=generator), torch.randn(2, 3, generator=generator)
    coordinates = affine_coordinates(matrix, shift, (3, 4, 5))
    assert coordinates.shape == (2, 3, 4, 5, 3)
    voxel = torch.tensor([2.0, 1.0, 4.0])
    torch.testing.assert_close(coordinates[1, 2, 1, 4], matrix[1] @ voxel + shift[1])


def test_autocast_does_not_round_coordinates() -> None:
    shape = (200, 3, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        coordinates = affine_coordinates(_identity(1, 3), torch.full((1, 3), 0.125), shape)
    assert coordinates[0, 199, 2, 1].tolist() == [199.125, 2.125, 1.125]


def test_a_whole_voxel_shift_copies_values_and_marks_the_outside() -> None:
    images, nodes = torch.randn(1, 2, 6, 5, 4), torch.randint(200, (1, 1, 6, 5, 4)).to(torch.uint8)
    coordinates = affine_coordinates(_identity(1, 3), torch.tensor([[2.0, 0.0, 0.0]]), (6, 5, 4))
    moved_images, moved_nodes = warp(images, nodes, coordinates, outside=250)
    torch.testing.assert_close(moved_images[:, :, :4], images[:, :, 2:], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(moved_images[:, :, 4:], images[:, :, 5:].expand(1, 2, 2, 5, 4), atol=1e-5, rtol=1e-5)
    assert torch.equal(moved_nodes[:, :, :4], nodes[:, :, 2:])
    assert (moved_nodes[:, :, 4:] == 250).all()
    assert moved_nodes.dtype == torch.uint8


def test_node_maps_are_never_interpolated() -> None:
    nodes = 1 + 2 * torch.randint(2, (2, 1, 8, 8, 8))
    matrix = _identity(2, 3) + 0.1 * torch.randn(2, 3, 3)
    _, moved = warp(nodes.float(), nodes, affine_coordinates(matrix, torch.rand(2, 3), (8, 8, 8)), outside=9)
    assert set(moved.unique().tolist()) <= {1, 3, 9}


def test_a_single_slice_is_a_volume_too() -> None:
    images = torch.randn(1, 1, 5, 5, 1)
    coordinates = affine_coordinates(_identity(1, 3), torch.zeros(1, 3), (5, 5, 1))
    moved, nodes = warp(images, torch.ones(1, 1, 5, 5, 1, dtype=torch.long), coordinates, outside=7)
    torch.testing.assert_close(moved, images, atol=1e-5, rtol=1e-5)
    assert (nodes == 1).all()

"""The pose of a region in closed form, the same from voxels and from masks."""

from __future__ import annotations

import pytest
import torch

from cladeseg.segmentation.transforms.pose import (
    AXES,
    Pose,
    affine_between,
    map_coordinates,
    pose_of_regions,
    pose_of_voxels,
)


def _blob(seed: int, shape: tuple[int, ...] = (9, 8, 7)) -> torch.Tensor:
    return torch.rand(1, 1, *shape, generator=torch.Generator().manual_seed(seed)) < 0.3


def _first(pose: Pose) -> Pose:
    return Pose(*(part[0].double() for part in pose))


@pytest.mark.parametrize("axes", sorted(AXES))
@pytest.mark.parametrize("shape", [(9, 8, 7), (11, 6)])
def test_voxels_and_masks_give_one_pose(axes: str, shape: tuple[int, ...]) -> None:
    region = _blob(0, shape)
    voxels, mask = pose_of_voxels(region[0, 0].nonzero().double(), axes), _first(pose_of_regions(region, axes))
    torch.testing.assert_close(mask.centre, voxels.centre, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(mask.extent, voxels.extent, atol=1e-4, rtol=1e-4)
    along = (mask.axes * voxels.axes).sum(0).abs()
    torch.testing.assert_close(along, torch.ones_like(along), atol=1e-4, rtol=1e-4)


def test_centre_and_extent_of_a_box_are_exact() -> None:
    region = torch.zeros(1, 1, 12, 12, 12, dtype=torch.bool)
    region[:, :, 2:8, 0:3, 5:6] = True
    pose = pose_of_regions(region)
    torch.testing.assert_close(pose.centre, torch.tensor([[4.5, 1.0, 5.0]]))
    torch.testing.assert_close(pose.extent, torch.tensor([[6.0, 3.0, 1.0]]))


def test_principal_axes_are_the_eigenvectors_of_the_covariance() -> None:
    coordinates = _blob(1)[0, 0].nonzero().double()
    values, vectors = torch.linalg.eigh(torch.cov(coordinates.T, correction=0))
    pose = pose_of_voxels(coordinates, "principal")
    torch.testing.assert_close(pose.extent, (12 * values + 1).sqrt())
    torch.testing.assert_close((pose.axes * vectors).sum(0).abs(), torch.ones(3, dtype=torch.float64))


def test_a_bar_in_the_diagonal_has_that_axis_last() -> None:
    bar = torch.eye(9, dtype=torch.bool).view(1, 1, 9, 9)
    torch.testing.assert_close(pose_of_regions(bar, "principal").axes[0, :, 1].abs(), torch.full((2,), 0.5).sqrt())


def test_the_affine_map_is_that_of_the_coordinates_where_scaling_is_free() -> None:
    pose, other = (_first(pose_of_regions(_blob(seed), "principal")) for seed in (2, 3))
    coordinates = torch.rand(5, 3, dtype=torch.float64) * 7
    matrix, shift = affine_between(pose, other, max_scale=100)
    torch.testing.assert_close(coordinates @ matrix.T + shift, map_coordinates(coordinates, pose, other))


def test_an_empty_region_has_a_finite_pose() -> None:
    for axes in AXES:
        pose = pose_of_regions(torch.zeros(1, 1, 4, 5, 6, dtype=torch.bool), axes)
        assert torch.equal(pose.extent, torch.ones(1, 3))
        assert torch.equal(pose.axes[0].abs().sum(0), torch.ones(3))


def test_a_pose_is_found_without_reading_a_value_back() -> None:
    # On the meta device tensors have no values: whatever branches on one raises.
    region = torch.zeros(2, 1, 4, 5, 6, dtype=torch.bool, device="meta")
    for axes in AXES:
        pose = pose_of_regions(region, axes)
        matrix, shift = affine_between(pose, pose, 1.25)
        assert matrix.device.type == shift.device.type == "meta"


def test_along_the_volumes_axes_nothing_is_rounded_twice() -> None:
    """A mix without its new switches is what it was, bit for bit: the centre is divided by the scale itself."""
    pose, other = (pose_of_regions(torch.cat([_blob(seed), _blob(seed + 9)])) for seed in (4, 5))
    scale = (pose.extent / other.extent).clamp(1 / 1.25, 1.25)
    matrix, shift = affine_between(pose, other, 1.25)
    assert torch.equal(matrix, torch.diag_embed(1 / scale))
    assert torch.equal(shift, other.centre - pose.centre / scale)

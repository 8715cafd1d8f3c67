"""Where a region lies, how it is turned and how large it is: shared by label propagation and mixing."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from cladeseg.segmentation.transforms.box_extent import box_extent

#: Enough for float64: the off-diagonal of a 3 × 3 matrix shrinks quadratically.
_SWEEPS = 6


class Pose(NamedTuple):
    """Where regions lie, in voxels; any number of leading dimensions.

    Attributes:
        centre: (…, D) centroid.
        axes: (…, D, D) orthonormal columns.
        extent: (…, D) size along those axes, that of the box with their variance.
    """

    centre: torch.Tensor
    axes: torch.Tensor
    extent: torch.Tensor


def pose_of_voxels(coordinates: torch.Tensor, axes: str = "volume") -> Pose:
    """Pose of one region, given by the coordinates of its voxels.

    Args:
        coordinates: (V, D) with V ≥ 1.
        axes: ``"volume"`` or ``"principal"``, see :data:`AXES`.
    """
    centre = coordinates.mean(0)
    moved = coordinates - centre
    return AXES[axes](centre, moved.T @ moved / len(coordinates))


def pose_of_regions(regions: torch.Tensor, axes: str = "volume") -> Pose:
    """Pose of one region per sample, found without reading a value back from the device.

    Args:
        regions: bool (B, 1, *S).
        axes: as for :func:`pose_of_voxels`.

    Returns:
        float32 (B, …); centre 0, the volume's axes and size 1 for an empty region.

    Example:
        >>> region = torch.zeros(1, 1, 6, 3, dtype=torch.bool)
        >>> region[:, :, 1:5, 1] = True
        >>> pose = pose_of_regions(region)
        >>> pose.centre.tolist(), pose.extent.tolist()
        ([[2.5, 1.0]], [[4.0, 1.0]])
    """
    spatial = range(2, regions.ndim)
    count = regions.flatten(1).sum(1).clamp(min=1)
    indices = [torch.arange(regions.shape[axis], device=regions.device) for axis in spatial]
    centre = torch.stack([(_profile(regions, a) * i).sum(1) / count for a, i in zip(spatial, indices, strict=True)], 1)
    moved = [index - centre[:, a, None] for a, index in enumerate(indices)]
    covariance = torch.diag_embed(
        torch.stack([(_profile(regions, a) * m**2).sum(1) / count for a, m in zip(spatial, moved, strict=True)], 1)
    )
    if axes != "volume":
        for a in spatial:
            for b in range(a + 1, regions.ndim):
                products = moved[a - 2][:, :, None] * moved[b - 2][:, None, :]
                value = (_profile(regions, a, b) * products).sum((1, 2)) / count
                covariance[:, a - 2, b - 2] = covariance[:, b - 2, a - 2] = value
    return AXES[axes](centre, covariance)


def map_coordinates(coordinates: torch.Tensor, pose: Pose, other: Pose) -> torch.Tensor:
    """Coordinates (V, D) of the region of ``pose`` → those that lie alike in the region of ``other``."""
    relative = (coordinates - pose.centre) @ pose.axes / pose.extent
    return (relative * other.extent) @ same_side(pose, other).mT + other.centre


def same_side(pose: Pose, other: Pose) -> torch.Tensor:
    """The other's axes (…, D, D), each turned to the side on which ours lies, less than 90° away."""
    return torch.where((pose.axes * other.axes).sum(-2, keepdim=True) < 0, -other.axes, other.axes)


def affine_between(pose: Pose, other: Pose, max_scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """The map that :func:`map_coordinates` is, with bounded scaling: ``matrix @ voxel + shift``.

    Args:
        pose: of the regions whose voxels are mapped.
        other: of the regions that they are mapped to.
        max_scale: bound m ≥ 1 of the magnification of the other along each axis, 1/m…m.

    Returns:
        (…, D, D) and (…, D).
    """
    scale = (pose.extent / other.extent).clamp(1 / max_scale, max_scale)
    theirs = same_side(pose, other)
    matrix = _product(theirs / scale[..., None, :], pose.axes.mT)
    along = (pose.axes * pose.centre[..., :, None]).sum(
        -2
    ) / scale  # along the axes, divided once: no rounding of 1/scale
    return matrix, other.centre - (theirs * along[..., None, :]).sum(-1)


def _volume_axes(centre: torch.Tensor, covariance: torch.Tensor) -> Pose:
    variances = covariance.diagonal(dim1=-2, dim2=-1)
    axes = torch.eye(variances.shape[-1], dtype=variances.dtype, device=variances.device)
    return Pose(centre, axes.expand_as(covariance), box_extent(variances))


def _principal_axes(centre: torch.Tensor, covariance: torch.Tensor) -> Pose:
    variances, axes = _eigenvectors(covariance)
    return Pose(centre, axes, box_extent(variances.clamp(min=0)))


#: How the axes of a region are found, by name: (centre (…, D), covariance (…, D, D)) → pose.  The volume's own, or the
#: region's principal ones, the shortest first.
AXES: dict[str, Callable[[torch.Tensor, torch.Tensor], Pose]] = {
    "volume": _volume_axes,
    "principal": _principal_axes,
}


def _eigenvectors(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Eigenvalues (…, D), smallest first, and eigenvectors (…, D, D) as columns, by Jacobi's rotations.

    ``torch.linalg.eigh`` would make the host wait for the device.
    """
    size = matrix.shape[-1]
    axes = torch.eye(size, dtype=matrix.dtype, device=matrix.device).expand_as(matrix)
    for _ in range(_SWEEPS):
        for p in range(size):
            for q in range(p + 1, size):
                turn = _rotation(matrix, p, q)
                matrix = _product(_product(turn.mT, matrix), turn)
                axes = _product(axes, turn)
    values, order = matrix.diagonal(dim1=-2, dim2=-1).sort(dim=-1)
    return values, axes.gather(-1, order[..., None, :].expand_as(axes))


def _rotation(matrix: torch.Tensor, p: int, q: int) -> torch.Tensor:
    """The rotation (…, D, D) in the plane of two axes that makes their covariance zero."""
    angle = 0.5 * torch.atan2(2 * matrix[..., p, q], matrix[..., q, q] - matrix[..., p, p])
    # By less than 45°, so that nearly sorted axes stay in their order.
    angle = torch.where(angle.abs() > torch.pi / 4, angle - torch.sign(angle) * torch.pi / 2, angle)
    turn = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device).repeat(*matrix.shape[:-2], 1, 1)
    turn[..., p, p] = turn[..., q, q] = angle.cos()
    turn[..., p, q] = angle.sin()
    turn[..., q, p] = -angle.sin()
    return turn


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Matrix product, summed by hand: ``@`` would round to TF32 or bfloat16 where those are switched on."""
    return (a[..., :, :, None] * b[..., None, :, :]).sum(-2)


def _profile(regions: torch.Tensor, *kept: int) -> torch.Tensor:
    """Number of voxels (B, …) for each index of the kept axes."""
    return regions.sum(dim=[1, *(a for a in range(2, regions.ndim) if a not in kept)]).float()

"""Resample a batch on one affine grid: images linearly, node maps by nearest neighbour."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import grid_sample


def affine_coordinates(matrix: torch.Tensor, shift: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Which input coordinates each output voxel takes: ``matrix @ voxel + shift``, in voxels.

    Args:
        matrix: float (B, D, D).
        shift: float (B, D).
        shape: spatial shape S of the output, D numbers.

    Returns:
        float (B, *S, D).
    """
    # Summed by hand: a matrix product would round to TF32 or bfloat16 where those are switched on.
    coordinates = shift.view(len(shift), *[1] * len(shape), -1)
    for axis, size in enumerate(shape):
        index = torch.arange(size, device=shift.device, dtype=shift.dtype)
        index = index.view([-1 if a == axis else 1 for a in range(len(shape))] + [1])
        coordinates = coordinates + index * matrix[:, :, axis].view(len(shift), *[1] * len(shape), -1)
    return coordinates


def warp(
    images: torch.Tensor, nodes: torch.Tensor, coordinates: torch.Tensor, *, outside: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sample images and node maps at the same coordinates.

    Args:
        images: float (B, C, *S); voxels outside the field of view repeat its border.
        nodes: integer (B, 1, *S); never interpolated, so no node appears that was not there.
        coordinates: (B, *S', D) input voxels, from :func:`affine_coordinates`.
        outside: node given to voxels outside the field of view, i.e. the root: nothing is known of them.

    Returns:
        Images (B, C, *S') and nodes (B, 1, *S') of the input's types.
    """
    size = torch.tensor(images.shape[2:], dtype=coordinates.dtype).to(coordinates.device, non_blocking=True)
    # grid_sample wants the last axis first and the voxel edges at -1 and 1.
    grid = ((2 * coordinates + 1) / size - 1).flip(-1)
    warped = grid_sample(images.to(grid.dtype), grid, "bilinear", "border", align_corners=False)
    nearest = grid_sample(nodes.to(grid.dtype), grid, "nearest", "border", align_corners=False)
    inside = ((coordinates > -0.5) & (coordinates < size - 0.5)).all(-1).unsqueeze(1)
    return warped.to(images.dtype), torch.where(inside, nearest, outside).round().to(nodes.dtype)

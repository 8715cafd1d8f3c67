"""Refuse a header that no scanner wrote, before anything is computed or allocated by it."""

from __future__ import annotations

import numpy as np

from cladeseg.files import DataError
from cladeseg.volumes.grid import Grid

#: Spacing in mm that images have: from a micro-CT's to that of a scout's slices, with room on both sides.
MIN_SPACING_MM, MAX_SPACING_MM = 1e-3, 100.0
#: Volume of the unit cube that the voxel axes' directions span, below which they lie in one plane.
_MIN_DETERMINANT = 1e-6


def check_plausible(grid: Grid) -> None:
    """Refuse a grid without voxels, or whose affine places none.

    Raises:
        DataError: an axis has no voxel, the affine is not finite or singular, or the spacing cannot be meant; the
            message names the value.
    """
    if min(grid.shape, default=0) < 1:
        raise DataError(f"{grid.path}: has no voxels (shape {grid.shape})")
    if not np.isfinite(grid.affine).all():
        raise DataError(f"{grid.path}: its affine is not finite")
    if not ((grid.spacing >= MIN_SPACING_MM) & (grid.spacing <= MAX_SPACING_MM)).all():
        listed = " × ".join(f"{size:.4g}" for size in grid.spacing)
        raise DataError(
            f"{grid.path}: its spacing {listed} mm is not plausible (from {MIN_SPACING_MM:g} to {MAX_SPACING_MM:g} mm "
            "along each axis); correct its header"
        )
    if abs(np.linalg.det(grid.affine[:3, :3] / grid.spacing)) < _MIN_DETERMINANT:
        raise DataError(f"{grid.path}: its affine is singular: voxel axes lie in one plane")

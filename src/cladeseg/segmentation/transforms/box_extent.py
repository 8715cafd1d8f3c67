"""How large a region is, judged by how far its voxels spread."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

_Array = TypeVar("_Array", np.ndarray, torch.Tensor)


def box_extent(variance: _Array) -> _Array:
    """Sides of the box whose voxel coordinates have this variance along each axis, in voxels: √(12 σ² + 1).

    Exact for a box of whole voxels, and unlike a bounding box hardly moved by a stray voxel.

    Args:
        variance: σ² ≥ 0 in voxels², of any shape.
    """
    return (12 * variance + 1) ** 0.5

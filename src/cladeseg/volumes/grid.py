"""Where a volume's voxels lie in the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes


@dataclass(frozen=True)
class Grid:
    """What a file's header says, without its voxels.

    Attributes:
        path: the file, or the folder of a DICOM series.
        shape: (x, y, z), or (x, y, z, C) for several channels; whatever is there if it is no volume.  Axes of length 1
            after the third are left out: (x, y, z, 1) is (x, y, z).
        affine: float64 (4, 4), voxel indices to RAS mm.
        dtype: of one voxel, as the file stores it, before any scaling that its header asks for.
        header: what the format itself says, so that a mask in the same format has the same place to the last bit: a
            nibabel header, an :class:`~cladeseg.volumes.itk.ItkGeometry`, or the files of a DICOM series
            in the order of its slices.
    """

    path: Path
    shape: tuple[int, ...]
    affine: np.ndarray
    dtype: np.dtype
    header: Any = field(default=None, repr=False)

    @property
    def spacing(self) -> np.ndarray:
        """Distance of voxel centres in mm along each array axis (3,)."""
        return voxel_sizes(self.affine)

    @property
    def channels(self) -> int:
        """Number of channels; 1 for a 3D volume."""
        return int(self.shape[3]) if len(self.shape) == 4 else 1


def without_trailing_ones(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape without the axes of length 1 after the third, which hold no choice.

    Example:
        >>> without_trailing_ones((256, 128, 1, 1)), without_trailing_ones((4, 5, 6, 1, 2))
        ((256, 128, 1), (4, 5, 6, 2))
    """
    return (*(int(n) for n in shape[:3]), *(int(n) for n in shape[3:] if n != 1))


def corner_distance(affine: np.ndarray, other: np.ndarray, shape: Sequence[int]) -> float:
    """Largest distance in mm between the corner voxels' centres of a (x, y, z) grid placed by two (4, 4) affines.

    Example:
        >>> moved = np.eye(4)
        >>> moved[:3, 3] = 3, 4, 0
        >>> corner_distance(np.eye(4), moved, (10, 10, 10))
        5.0
    """
    corners = np.array([(*corner, 1) for corner in product(*((0, n - 1) for n in shape))], dtype=np.float64)
    moved = corners @ (np.asarray(affine, dtype=np.float64) - np.asarray(other, dtype=np.float64)).T
    return float(np.linalg.norm(moved[:, :3], axis=1).max())

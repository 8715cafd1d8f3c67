"""The size of a case's voxels."""

from __future__ import annotations

import numpy as np
from nibabel.affines import voxel_sizes

from cladeseg.files import DataError


def spacing_of(case: str, affine: np.ndarray) -> list[float]:
    """Voxel edge lengths in mm along x, y, z from a (4, 4) affine voxel → mm.

    Raises:
        DataError: the affine is not finite or flattens a voxel; the message starts with the case.
    """
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not (voxel_sizes(matrix) > 0).all():
        raise DataError(f"{case}: {matrix.tolist()} is not a (4, 4) affine with voxels of positive size")
    return voxel_sizes(matrix).tolist()

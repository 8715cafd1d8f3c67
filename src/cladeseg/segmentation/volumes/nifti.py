"""The rule that says where a NIfTI file's voxels lie.

It is the sform where that is set, else the qform, else the voxel sizes alone: nibabel's order.  The voxel sizes of the
header (``pixdim``) stand beside the sform and may contradict it; one of the two is wrong then, and nobody but the
file's owner knows which, so such a file is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes

from cladeseg.files import DataError

#: Relative difference of a voxel size that rounding does not explain.
_TOLERANCE = 1e-2


def check_affine(path: Path, image: Any) -> None:
    """Refuse a header whose voxel sizes are not those of its sform.

    Args:
        path: what the message names.
        image: a nibabel image.

    Raises:
        DataError: with both values.
    """
    header = image.header
    if not isinstance(header, nib.Nifti1Header) or int(header["sform_code"]) <= 0:
        return
    said, placed = np.abs(header["pixdim"][1:4].astype(np.float64)), voxel_sizes(header.get_sform())
    if not np.allclose(said, placed, rtol=_TOLERANCE, atol=0.0, equal_nan=True):
        raise DataError(
            f"{path}: its header's voxel sizes (pixdim {_listed(said)} mm) are not those of its sform "
            f"({_listed(placed)} mm); correct whichever is wrong"
        )


def _listed(sizes: np.ndarray) -> str:
    return " × ".join(f"{size:.4g}" for size in sizes)

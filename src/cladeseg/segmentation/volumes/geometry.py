"""A NIfTI volume that lies exactly where another file's volume lies."""

from __future__ import annotations

from typing import Any

import nibabel as nib
import numpy as np

#: Header fields that place a NIfTI file's voxels in the world; computing them anew would round them.
_FIELDS = (
    *("xyzt_units", "qform_code", "sform_code"),
    *(f"quatern_{axis}" for axis in "bcd"),
    *(f"qoffset_{axis}" for axis in "xyz"),
    *(f"srow_{axis}" for axis in "xyz"),
)
#: The sign of the third axis and the three voxel sizes; what follows belongs to time and channels.
_SPATIAL_PIXDIM = 4


def volume_like(voxels: np.ndarray, image: Any) -> nib.Nifti1Image:
    """A volume of ``voxels`` with the affine, sform, qform, spacing and units of ``image``, bit for bit.

    Args:
        voxels: (x, y, z) or (x, y, z, C); written as they are, without scaling.
        image: a nibabel image whose first three axes are the same grid; it may have channels of its own.
    """
    volume = nib.Nifti1Image(voxels, image.affine, dtype=voxels.dtype)
    if isinstance(image.header, nib.Nifti1Header):
        for name in _FIELDS:
            volume.header[name] = image.header[name]
        volume.header["pixdim"][:_SPATIAL_PIXDIM] = image.header["pixdim"][:_SPATIAL_PIXDIM]
    return volume

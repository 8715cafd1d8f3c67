"""A NIfTI volume that lies exactly where another file's volume lies."""

from __future__ import annotations

import nibabel as nib
import numpy as np

from cladeseg.volumes.grid import Grid

#: Header fields that place a NIfTI file's voxels in the world; computing them anew would round them.
_FIELDS = (
    *("xyzt_units", "qform_code", "sform_code"),
    *(f"quatern_{axis}" for axis in "bcd"),
    *(f"qoffset_{axis}" for axis in "xyz"),
    *(f"srow_{axis}" for axis in "xyz"),
)
#: The sign of the third axis and the three voxel sizes; what follows belongs to time and channels.
_SPATIAL_PIXDIM = 4
#: Code of an affine to the scanner's own coordinates, which is what DICOM, NRRD and MetaImage give.
_SCANNER = 1


def volume_like(voxels: np.ndarray, grid: Grid) -> nib.Nifti1Image:
    """A NIfTI volume of ``voxels`` on a grid; of a NIfTI's grid it has sform, qform, spacing and units, bit for bit.

    Args:
        voxels: (x, y, z) or (x, y, z, C); written as they are, without scaling.
        grid: of an image whose first three axes are the same; it may have channels of its own.
    """
    volume = nib.Nifti1Image(voxels, grid.affine, dtype=voxels.dtype)
    if isinstance(grid.header, nib.Nifti1Header):
        for name in _FIELDS:
            volume.header[name] = grid.header[name]
        volume.header["pixdim"][:_SPATIAL_PIXDIM] = grid.header["pixdim"][:_SPATIAL_PIXDIM]
    else:
        volume.set_sform(grid.affine, _SCANNER)
        volume.set_qform(grid.affine, _SCANNER)
        volume.header.set_xyzt_units("mm")
    return volume

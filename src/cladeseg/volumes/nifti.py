"""NIfTI files, and the rule that says where their voxels lie.

It is the sform where that is set, else the qform, else the voxel sizes alone: nibabel's order.  The voxel sizes of the
header (``pixdim``) stand beside the sform and may contradict it; one of the two is wrong then, and nobody but the
file's owner knows which, so such a file is refused.
"""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.volumeutils import apply_read_scaling

from cladeseg.files import DataError
from cladeseg.volumes.file_bytes import first_bytes, read_bytes
from cladeseg.volumes.grid import Grid, without_trailing_ones

#: Size of a header in bytes, which is also its first number → the header.
_HEADERS = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
#: Relative difference of a voxel size that rounding does not explain.
_TOLERANCE = 1e-2


def nifti_grid(path: Path) -> Grid:
    """Read the header of a NIfTI file, of version 1 or 2 and of either byte order.

    Raises:
        DataError: it is no single NIfTI file, or its voxel sizes are not those of its sform.
    """
    header = _header(path, first_bytes(path, max(_HEADERS)))
    _check_affine(path, header)
    shape = without_trailing_ones(header.get_data_shape())
    return Grid(path, shape, header.get_best_affine().astype(np.float64), header.get_data_dtype(), header)


def nifti_voxels(grid: Grid) -> np.ndarray:
    """Voxels of the grid's shape, scaled as the header asks for.

    Raises:
        DataError: as for :func:`~cladeseg.volumes.file_bytes.read_bytes`.
    """
    header = grid.header
    offset, count = header.get_data_offset(), int(np.prod(grid.shape, dtype=object))
    content = read_bytes(grid.path, offset + count * grid.dtype.itemsize)
    stored = np.ndarray(grid.shape, grid.dtype, buffer=content, offset=offset, order="F")
    slope, inter = header.get_slope_inter()
    return np.asarray(apply_read_scaling(stored, 1.0 if slope is None else slope, 0.0 if inter is None else inter))


def _header(path: Path, content: bytes) -> nib.Nifti1Header:
    sizes = {int.from_bytes(content[:4], order) for order in ("little", "big")}
    size = next((size for size in _HEADERS if size in sizes), 0)
    if not size or len(content) < size:
        raise DataError(f"{path}: cannot be read (it does not begin with a NIfTI header)")
    header = _HEADERS[size](content[:size])
    if not bytes(header["magic"]).startswith(b"n+"):
        raise DataError(f"{path}: is half of a pair of files (.hdr, .img); convert the pair to one NIfTI file")
    return header


def _check_affine(path: Path, header: nib.Nifti1Header) -> None:
    """Refuse a header whose voxel sizes are not those of its sform."""
    if int(header["sform_code"]) <= 0:
        return
    said, placed = np.abs(header["pixdim"][1:4].astype(np.float64)), voxel_sizes(header.get_sform())
    if not np.allclose(said, placed, rtol=_TOLERANCE, atol=0.0, equal_nan=True):
        raise DataError(
            f"{path}: its header's voxel sizes (pixdim {_listed(said)} mm) are not those of its sform "
            f"({_listed(placed)} mm); correct whichever is wrong"
        )


def _listed(sizes: np.ndarray) -> str:
    return " × ".join(f"{size:.4g}" for size in sizes)

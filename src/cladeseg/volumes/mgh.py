"""FreeSurfer's volumes, packed (.mgz) or not (.mgh)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from nibabel.freesurfer.mghformat import MGHHeader

from cladeseg.files import DataError
from cladeseg.volumes.file_bytes import first_bytes, read_bytes
from cladeseg.volumes.grid import Grid, without_trailing_ones

#: Bytes of a header that say something, and where the voxels begin.
_HEADER_BYTES, _OFFSET = 90, 284


def mgh_grid(path: Path) -> Grid:
    """Read a file's header.

    Raises:
        DataError: the file is shorter than a header.
    """
    content = first_bytes(path, _HEADER_BYTES)
    if len(content) < _HEADER_BYTES:
        raise DataError(f"{path}: cannot be read (it is shorter than an MGH header)")
    header = MGHHeader(content)
    shape = without_trailing_ones(header["dims"].tolist())
    return Grid(path, shape, header.get_affine().astype(np.float64), header.get_data_dtype(), header)


def mgh_voxels(grid: Grid) -> np.ndarray:
    """Voxels of the grid's shape; what the file says after them is verified and not read.

    Raises:
        DataError: as for :func:`~cladeseg.volumes.file_bytes.read_bytes`.
    """
    count = int(np.prod(grid.shape, dtype=object))
    content = read_bytes(grid.path, _OFFSET + count * grid.dtype.itemsize, more=True)
    return np.ndarray(grid.shape, grid.dtype, buffer=content, offset=_OFFSET, order="F")

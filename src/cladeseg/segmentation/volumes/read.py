"""Read a volume: the check, the loader, the evaluation and the writer all go through here, so that they agree."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from cladeseg.files import DataError
from cladeseg.segmentation.volumes.forms import form_difference
from cladeseg.segmentation.volumes.grid import Grid
from cladeseg.segmentation.volumes.nifti import check_affine

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Volume:
    """A file's voxels and where they lie.

    Attributes:
        grid: the file's header.
        voxels: (x, y, z) or (x, y, z, C) in the machine's byte order.
    """

    grid: Grid
    voxels: np.ndarray


def read_grid(path: str | Path) -> Grid:
    """Read a file's header; its voxels stay on disk.

    Args:
        path: the file.

    Raises:
        DataError: there is no such file, it cannot be read, or its header contradicts itself; the message starts with
            the path.
    """
    return _grid(Path(path), open_volume(path))


def read_volume(path: str | Path) -> Volume:
    """Read a whole file.

    Args:
        path: the file.

    Raises:
        DataError: as for :func:`read_grid`, or the voxels are no numbers, or are incomplete.
    """
    image = open_volume(path)
    grid = _grid(Path(path), image)
    try:
        voxels = np.asanyarray(image.dataobj)
    except Exception as error:  # there is no common type: EOFError, zlib.error, ImageFileError, …
        raise _unreadable(Path(path), error) from error
    difference = form_difference(image)
    if difference is not None:
        logger.warning("%s: %s", path, difference)
    if voxels.dtype.kind not in "biuf":
        raise DataError(f"{path}: holds {voxels.dtype} where one number per voxel is needed")
    return Volume(grid, voxels.astype(voxels.dtype.newbyteorder("="), copy=False))


def open_volume(path: str | Path) -> Any:
    """The nibabel image of a file, with its voxels on disk.

    Raises:
        DataError: as for :func:`read_grid`.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        image = nib.load(path)
    except Exception as error:  # there is no common type: ImageFileError, HeaderDataError, …
        raise _unreadable(path, error) from error
    check_affine(path, image)
    return image


def _grid(path: Path, image: Any) -> Grid:
    affine = np.asarray(image.affine, dtype=np.float64)
    return Grid(path, tuple(int(n) for n in image.shape), affine, np.dtype(image.get_data_dtype()))


def _unreadable(path: Path, error: Exception) -> DataError:
    cause = str(error).replace(str(path), path.name)
    return DataError(f"{path}: cannot be read ({type(error).__name__}: {cause})")

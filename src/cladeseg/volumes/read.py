"""Read a volume: the check, the loader, the evaluation and the writer all go through here, so that they agree."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from cladeseg.files import DataError
from cladeseg.volumes.dicom import dicom_grid, dicom_voxels, is_dicom_file
from cladeseg.volumes.formats import ENDINGS, format_of
from cladeseg.volumes.forms import form_difference
from cladeseg.volumes.grid import Grid
from cladeseg.volumes.itk import itk_grid, itk_voxels
from cladeseg.volumes.mgh import mgh_grid, mgh_voxels
from cladeseg.volumes.nifti import nifti_grid, nifti_voxels
from cladeseg.volumes.plausible import check_plausible

#: Format → what reads its header, and what reads its voxels.
_READERS: dict[str, tuple[Callable[[Path], Grid], Callable[[Grid], np.ndarray]]] = {
    "nifti": (nifti_grid, nifti_voxels),
    "mgh": (mgh_grid, mgh_voxels),
    "nrrd": (itk_grid, itk_voxels),
    "mha": (itk_grid, itk_voxels),
    "dicom": (dicom_grid, dicom_voxels),
}
_PAIRS = (".hdr", ".img", ".hdr.gz", ".img.gz")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Volume:
    """A file's voxels and where they lie.

    Attributes:
        grid: the file's header.
        voxels: (x, y, z) or (x, y, z, C) in the machine's byte order, of a type that PyTorch knows.
    """

    grid: Grid
    voxels: np.ndarray


def read_grid(path: str | Path) -> Grid:
    """Read a file's header; its voxels stay on disk.

    Args:
        path: the file, or the folder of a DICOM series.

    Raises:
        DataError: there is no such file, it cannot be read, its header contradicts itself or places no voxel; the
            message starts with the path.
    """
    path = Path(path)
    with _explained(path):
        grid = _READERS[_format(path)][0](path)
        check_plausible(grid)
    return grid


def read_volume(path: str | Path) -> Volume:
    """Read a whole file, to its last byte: checksums are verified.

    Args:
        path: the file, or the folder of a DICOM series.

    Raises:
        DataError: as for :func:`read_grid`, or the voxels are no numbers, incomplete, damaged, or more than fit into
            memory.
    """
    path = Path(path)
    grid = read_grid(path)
    _check_numbers(grid)
    _check_memory(grid)
    with _explained(path):
        voxels = _READERS[_format(path)][1](grid)
    difference = form_difference(grid)
    if difference is not None:
        logger.warning("%s: %s", path, difference)
    return Volume(grid, _plain(voxels))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Whatever a library raises becomes a DataError that begins with the path."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # there is no common type: OSError, HeaderDataError, RuntimeError, OverflowError, …
        cause = " ".join(str(error).replace(str(path), path.name).split())
        raise DataError(f"{path}: cannot be read ({type(error).__name__}: {cause})") from error


def _format(path: Path) -> str:
    if path.is_dir():
        return "dicom"
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    known = format_of(path)
    if known is not None:
        return known
    if path.name.lower().endswith(_PAIRS):
        raise DataError(f"{path}: is half of a pair of files (.hdr, .img); convert the pair to one NIfTI file")
    if is_dicom_file(path):
        raise DataError(f"{path}: is one file of a DICOM series; name its folder")
    raise DataError(f"{path}: is no volume by its name; known are {', '.join(sorted(ENDINGS))} and DICOM folders")


def _check_numbers(grid: Grid) -> None:
    if grid.dtype.kind in "biuf":
        return
    held = "colours" if grid.dtype.names else "complex numbers" if grid.dtype.kind == "c" else str(grid.dtype)
    raise DataError(f"{grid.path}: holds {held} ({grid.dtype}) where one number per voxel is needed")


def _check_memory(grid: Grid) -> None:
    size = int(np.prod(grid.shape, dtype=object)) * grid.dtype.itemsize
    total = psutil.virtual_memory().total
    if size > total:
        raise DataError(
            f"{grid.path}: its header describes {size / 1e9:.1f} GB of voxels (shape {grid.shape}); this machine has "
            f"{total / 1e9:.1f} GB of memory"
        )


def _plain(voxels: np.ndarray) -> np.ndarray:
    """In the machine's byte order, and in a type that PyTorch knows: what has none becomes the next that holds it."""
    native = voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
    if native.dtype == bool:
        return native.astype(np.uint8)
    return native.astype(np.float64) if native.dtype.kind == "f" and native.dtype.itemsize > 8 else native

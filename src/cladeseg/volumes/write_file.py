"""Write voxels in the format that a file's name says, exactly where an image lies, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK
from nibabel.freesurfer.mghformat import MGHHeader
from nibabel.nifti1 import Nifti1Extension

from cladeseg.files import DataError, atomic_write
from cladeseg.volumes.formats import format_of
from cladeseg.volumes.geometry import volume_like
from cladeseg.volumes.grid import Grid
from cladeseg.volumes.itk import ItkGeometry, itk_image
from cladeseg.volumes.read import read_grid


@dataclass(frozen=True)
class HeaderText:
    """What a header says about numbers, as far as its format can.

    Attributes:
        intent: what the numbers are, up to 15 bytes; NIfTI's intent is "estimate" then.
        description: for people, up to 79 bytes.
        comment: more of it, of any length.
    """

    intent: str = ""
    description: str = ""
    comment: str = ""


def write_file(
    voxels: np.ndarray, image_file: str | Path, path: str | Path, what: str, text: HeaderText | None = None
) -> None:
    """Write (x, y, z) or (x, y, z, C) voxels on the grid of an image.

    Args:
        voxels: written as they are, without scaling.
        image_file: the image's file or folder, of any format.
        path: where to; its ending says the format.
        what: how a message calls the voxels.
        text: what the header says besides.

    Raises:
        DataError: the shapes differ, the ending is none that is written, or a file cannot be read or written.
    """
    grid, form = read_grid(image_file), format_of(path)
    if voxels.shape[:3] != grid.shape[:3]:
        raise DataError(f"{image_file}: the {what}'s shape {voxels.shape[:3]} is not the image's {grid.shape[:3]}")
    if form is None:
        raise DataError(f"{path}: its ending says no format that can be written")
    with atomic_write(path) as temporary:
        if form in ("nrrd", "mha"):
            _write_itk(voxels, grid, temporary, text)
        else:
            nib.save(_mgh(voxels, grid) if form == "mgh" else _nifti(voxels, grid, text), temporary)


def _nifti(voxels: np.ndarray, grid: Grid, text: HeaderText | None) -> nib.Nifti1Image:
    volume = volume_like(voxels, grid)
    if text is None and isinstance(grid.header, nib.Nifti1Header):
        # The entries beyond space too: a mask keeps them as they are.
        volume.header["pixdim"] = grid.header["pixdim"]
    elif text is not None:
        volume.header.set_intent("estimate", name=text.intent)
        volume.header["descrip"] = text.description.encode()
        if text.comment:
            volume.header.extensions.append(Nifti1Extension("comment", text.comment.encode()))
    return volume


def _mgh(voxels: np.ndarray, grid: Grid) -> nib.MGHImage:
    if not isinstance(grid.header, MGHHeader):
        return nib.MGHImage(voxels, grid.affine)
    header: Any = grid.header.copy()
    header.set_data_dtype(voxels.dtype)
    return nib.MGHImage(voxels, None, header)  # without an affine the header's own stays, to the last bit


def _write_itk(voxels: np.ndarray, grid: Grid, path: Path, text: HeaderText | None) -> None:
    geometry = grid.header if isinstance(grid.header, ItkGeometry) else ItkGeometry.of_affine(grid.affine)
    image = itk_image(voxels, geometry)
    for key, value in vars(text).items() if text else ():
        if value:
            image.SetMetaData(key, value)
    SimpleITK.WriteImage(image, str(path), useCompression=True)

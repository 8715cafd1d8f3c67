"""One phantom in every format that is read."""

from __future__ import annotations

import locale
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK

from cladeseg.volumes.itk import ItkGeometry, itk_image

#: LAS, as scanners write it, so that no axis but the third has the direction of our world.
AFFINE = np.array([[-1.5, 0, 0, 31], [0, -1.25, 0, -12], [0, 0, 2.5, 7], [0, 0, 0, 1.0]])


def write_nifti(voxels: np.ndarray, path: Path, affine: np.ndarray = AFFINE) -> Path:
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return path


def write_mgh(voxels: np.ndarray, path: Path, affine: np.ndarray = AFFINE) -> Path:
    nib.save(nib.MGHImage(voxels, affine), path)
    return path


def write_itk(voxels: np.ndarray, path: Path, affine: np.ndarray = AFFINE, *, packed: bool = True) -> Path:
    SimpleITK.WriteImage(itk_image(voxels, ItkGeometry.of_affine(affine)), str(path), packed)
    return path


def write_dicom(
    voxels: np.ndarray,
    folder: Path,
    affine: np.ndarray = AFFINE,
    *,
    series: str = "1.2.826.0.1.3680043.8.498.1",
    change: Callable[[int, dict[str, str]], None] | None = None,
) -> Path:
    """One file for each (x, y) slice, their names in another order than their places.

    Args:
        voxels: int16 (x, y, z).
        folder: where to.
        affine: to RAS mm.
        series: the series' UID.
        change: changes the tags of a slice, given its number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    geometry = ItkGeometry.of_affine(affine)
    axes = np.reshape(geometry.direction, (3, 3))
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for z in range(voxels.shape[2]):
        position = np.array(geometry.origin) + axes[:, 2] * geometry.spacing[2] * z
        tags = {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.4",
            "0008|0018": f"{series}.{z + 1}",
            "0008|0060": "MR",
            "0020|000d": "1.2.826.0.1.3680043.8.498.9",
            "0020|000e": series,
            "0020|0052": f"{series}.9",
            "0020|0013": str(z + 1),
            "0020|0032": "\\".join(repr(float(mm)) for mm in position),
            "0020|0037": "\\".join(repr(float(cosine)) for cosine in axes[:, :2].T.ravel()),
            "0018|0050": repr(geometry.spacing[2]),
        }
        if change:
            change(z, tags)
        image = SimpleITK.GetImageFromArray(voxels[:, :, z].T)
        image.SetSpacing(geometry.spacing[:2])
        for key, value in tags.items():
            image.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"slice{(7 * z) % 97:02d}.dcm"))
        with _own_locale():
            writer.Execute(image)
    return folder


@contextmanager
def _own_locale() -> Iterator[None]:
    """ITK's writer of DICOM leaves the process with the locale "C", in which Python reads commands' output as ASCII."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)

"""Write a mask that lies exactly where its image lies, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from cladeseg.files import DataError, atomic_write
from cladeseg.segmentation.volumes.geometry import volume_like
from cladeseg.segmentation.volumes.read import open_volume


def write_label(label: np.ndarray, image_file: str | Path, path: str | Path) -> None:
    """Write integers (x, y, z) as NIfTI with the spatial shape, sform and qform of an image.

    Args:
        label: the integers.
        image_file: the image's file, 3D or 4D.
        path: where to.

    Raises:
        DataError: the shapes differ, or a file cannot be read or written.
    """
    image = open_volume(image_file)
    if label.shape != image.shape[:3]:
        raise DataError(f"{image_file}: the label's shape {label.shape} is not the image's {image.shape[:3]}")
    volume = volume_like(label, image)
    if isinstance(image.header, nib.Nifti1Header):
        # The entries beyond space too: the mask keeps them as they are.
        volume.header["pixdim"] = image.header["pixdim"]
    with atomic_write(path) as temporary:
        nib.save(volume, temporary)

"""Write a map of real numbers, such as a probability, where its image lies."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.nifti1 import Nifti1Extension

from cladeseg.files import DataError, atomic_write
from cladeseg.segmentation.volumes.geometry import volume_like
from cladeseg.segmentation.volumes.read import open_volume


def write_map(
    voxels: np.ndarray, image_file: str | Path, path: str | Path, *, intent: str, description: str, comment: str = ""
) -> None:
    """Write float32 (x, y, z) or (x, y, z, C) as NIfTI on an image's grid.

    Args:
        voxels: the map.
        image_file: the image's file, 3D or 4D.
        path: where to.
        intent: what the numbers are, up to 15 bytes; the header's intent is "estimate".
        description: for people, up to 79 bytes.
        comment: text of a comment extension; none if empty.

    Raises:
        DataError: the shapes differ, or a file cannot be read or written.
    """
    image = open_volume(image_file)
    if voxels.shape[:3] != image.shape[:3]:
        raise DataError(f"{image_file}: the prediction's shape {voxels.shape[:3]} is not the image's {image.shape[:3]}")
    volume = volume_like(voxels, image)
    volume.header.set_intent("estimate", name=intent)
    volume.header["descrip"] = description.encode()
    if comment:
        volume.header.extensions.append(Nifti1Extension("comment", comment.encode()))
    with atomic_write(path) as temporary:
        nib.save(volume, temporary)

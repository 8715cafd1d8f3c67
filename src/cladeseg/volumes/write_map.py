"""Write a map of real numbers, such as a probability, where its image lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cladeseg.volumes.write_file import HeaderText, write_file


def write_map(
    voxels: np.ndarray, image_file: str | Path, path: str | Path, *, intent: str, description: str, comment: str = ""
) -> None:
    """Write float32 (x, y, z) or (x, y, z, C) on an image's grid.

    Args:
        voxels: the map.
        image_file: the image's file, 3D or 4D, or the folder of its DICOM series.
        path: where to; its ending says the format.
        intent: what the numbers are, up to 15 bytes; a NIfTI header's intent is "estimate".
        description: for people, up to 79 bytes.
        comment: more text, in NIfTI a comment extension; none if empty.

    Raises:
        DataError: the shapes differ, or a file cannot be read or written.
    """
    write_file(voxels, image_file, path, "prediction", HeaderText(intent, description, comment))

"""Write a mask that lies exactly where its image lies, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cladeseg.segmentation.volumes.write_file import write_file


def write_label(label: np.ndarray, image_file: str | Path, path: str | Path) -> None:
    """Write integers (x, y, z) with the spatial shape and the exact place of an image.

    Args:
        label: the integers.
        image_file: the image's file, 3D or 4D, or the folder of its DICOM series.
        path: where to; its ending says the format.

    Raises:
        DataError: the shapes differ, or a file cannot be read or written.
    """
    write_file(label, image_file, path, "label")

"""Write a mask that lies exactly where its image lies, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cladeseg.files import DataError, atomic_write
from cladeseg.volumes.dicom_seg import write_dicom_seg
from cladeseg.volumes.read import read_grid
from cladeseg.volumes.write_file import write_file


def write_label(
    label: np.ndarray, image_file: str | Path, path: str | Path, *, names: Mapping[int, str] | None = None
) -> None:
    """Write integers (x, y, z) with the spatial shape and the exact place of an image.

    Args:
        label: the integers.
        image_file: the image's file, 3D or 4D, or the folder of its DICOM series.
        path: where to; its ending says the format, ``.dcm`` a DICOM segmentation.
        names: integer → name of its structure, for a DICOM segmentation.

    Raises:
        DataError: the shapes differ, or a file cannot be read or written.
    """
    if Path(path).suffix == ".dcm":
        _write_segmentation(label, Path(image_file), Path(path), names or {})
        return
    write_file(label, image_file, path, "label")


def _write_segmentation(label: np.ndarray, series: Path, path: Path, names: Mapping[int, str]) -> None:
    grid = read_grid(series)
    if label.shape != grid.shape:
        raise DataError(f"{series}: the label's shape {label.shape} is not the image's {grid.shape}")
    with atomic_write(path) as temporary:
        write_dicom_seg(label, grid, temporary, names)

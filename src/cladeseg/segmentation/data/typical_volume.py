"""How large the volumes of a folder typically are, judged by their headers alone."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes

from cladeseg.files import DataError
from cladeseg.segmentation.data.layouts import scan
from cladeseg.segmentation.data.volume_files import absolute_paths, volume_files


def typical_volume(dataset_dir: str | Path, layout: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Median number of voxels and median voxel size in mm along each axis, thickest slices last.

    Args:
        dataset_dir: the folder.
        layout: its folder layout.

    Raises:
        DataError: the folder is not in this layout, or a header cannot be read.
    """
    cases = [absolute_paths(case, dataset_dir) for case in scan(dataset_dir, layout)]
    grids = np.array([_grid(volume_files(case["image"])[0]) for case in cases])
    shape, spacing = np.median(grids, axis=0)
    return tuple(shape.tolist()), tuple(spacing.tolist())


def _grid(file: Path) -> np.ndarray:
    """Shape and spacing (2, 3) of a file, the axis of the largest spacing last."""
    try:
        volume = nib.load(file)
    except Exception as error:  # nibabel has no common type
        raise DataError(f"{file}: its header cannot be read ({error})") from error
    spacing = voxel_sizes(volume.affine)
    order = np.argsort(spacing, kind="stable")
    return np.array([np.array(volume.shape[:3])[order], spacing[order]])

"""The files of a case's image, one or one for each channel, and how large the images of a folder typically are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.files import DataError
from cladeseg.segmentation.data.layouts import scan
from cladeseg.segmentation.volumes import read_grid

#: One 3D or 4D file, or one 3D file per channel in a fixed order, ``None`` where that channel is missing.
ImageFiles = str | Path | Sequence[str | Path | None]


def volume_files(image: ImageFiles) -> list[Path]:
    """The paths that a case's image names, in channel order, without those of missing channels.

    Raises:
        DataError: every channel is missing.

    Example:
        >>> [file.name for file in volume_files(["case_flair.nii.gz", None, "case_t2.nii.gz"])]
        ['case_flair.nii.gz', 'case_t2.nii.gz']
    """
    files = [path for path in channel_files(image) if path is not None]
    if not files:
        raise DataError(f"image {image!r}: names no file; at least one channel is needed")
    return files


def channel_files(image: ImageFiles) -> list[Path | None]:
    """One entry per file that there could be: ``None`` marks a missing channel."""
    listed = [image] if isinstance(image, str | Path) else image
    return [None if path is None else Path(path) for path in listed]


def absolute_paths(case: Mapping[str, Any], dataset_dir: str | Path) -> dict[str, Any]:
    """The case with the paths of its ``image`` (every channel) and ``label`` made absolute."""
    root = Path(dataset_dir).absolute()
    return {key: _below(root, value) if key in ("image", "label") else value for key, value in case.items()}


def typical_volume(dataset_dir: str | Path, layout: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Median number of voxels and median voxel size in mm along each axis, thickest slices last.

    Args:
        dataset_dir: the folder.
        layout: its folder layout.

    Raises:
        DataError: the folder is not in this layout, or a header cannot be read.

    Example:
        >>> import tempfile
        >>> from cladeseg.segmentation.phantoms import write_msd_phantoms
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_msd_phantoms(folder, cases=3)
        ...     [round(mm, 3) for mm in typical_volume(folder, "msd")[1]]
        [1.0, 1.0, 1.0]
    """
    cases = [absolute_paths(case, dataset_dir) for case in scan(dataset_dir, layout)]
    grids = np.array([_grid(volume_files(case["image"])[0]) for case in cases])
    shape, spacing = np.median(grids, axis=0)
    return tuple(shape.tolist()), tuple(spacing.tolist())


def _below(root: Path, paths: ImageFiles) -> str | list[str | None]:
    if isinstance(paths, str | Path):
        return str(root / paths)
    return [None if path is None else str(root / path) for path in paths]


def _grid(file: Path) -> np.ndarray:
    """Shape and spacing (2, 3) of a file, the axis of the largest spacing last."""
    grid = read_grid(file)
    order = np.argsort(grid.spacing, kind="stable")
    return np.array([np.array(grid.shape[:3])[order], grid.spacing[order]])

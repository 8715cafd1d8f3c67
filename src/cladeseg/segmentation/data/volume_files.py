"""The files of a case's image, one or one for each channel, and how large the images of a folder typically are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.files import DataError
from cladeseg.volumes import Grid, read_grid, turn_to

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


def first_grids(cases: Iterable[Mapping[str, Any]]) -> list[Grid]:
    """The header of each case's image; of the first file where channels have files of their own.

    Raises:
        DataError: a header cannot be read.
    """
    return [read_grid(volume_files(case["image"])[0]) for case in cases]


def typical_volume(grids: Sequence[Grid], axis_order: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Median number of voxels and median voxel size in mm along each axis, all in one order of the axes.

    Args:
        grids: of the images.
        axis_order: see :mod:`cladeseg.volumes.axes`.

    Raises:
        ValueError: there is no image, or no such order.

    Example:
        >>> stored = np.diag([5.0, 1.0, 2.0, 1.0])
        >>> typical_volume([Grid(Path("a.nii"), (9, 60, 50), stored, np.dtype("u1"))], "SAR")
        ((50.0, 60.0, 9.0), (2.0, 1.0, 5.0))
    """
    if not grids:
        raise ValueError("there is no image that could be typical")
    shape, spacing = np.median([_in_order(grid, axis_order) for grid in grids], axis=0)
    return tuple(shape.tolist()), tuple(spacing.tolist())


def _below(root: Path, paths: ImageFiles) -> str | list[str | None]:
    if isinstance(paths, str | Path):
        return str(root / paths)
    return [None if path is None else str(root / path) for path in paths]


def _in_order(grid: Grid, axis_order: str) -> np.ndarray:
    """Shape and spacing (2, 3) of an image once its axes are in an order."""
    found = np.empty((2, 3))
    found[:, turn_to(grid.affine, axis_order)[:, 0]] = grid.shape[:3], grid.spacing
    return found

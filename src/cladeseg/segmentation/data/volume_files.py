"""The files of a case's image: one path, or one for each channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.files import DataError

#: One 3D or 4D file, or one 3D file per channel in a fixed order, ``None`` where that channel is missing.
ImageFiles = str | Path | Sequence[str | Path | None]


def volume_files(image: ImageFiles) -> list[Path]:
    """The paths that a case's image names, in channel order, without those of missing channels.

    Raises:
        DataError: every channel is missing.
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


def _below(root: Path, paths: ImageFiles) -> str | list[str | None]:
    if isinstance(paths, str | Path):
        return str(root / paths)
    return [None if path is None else str(root / path) for path in paths]

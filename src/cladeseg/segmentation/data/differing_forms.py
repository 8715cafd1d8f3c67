"""The finding of a file whose sform and qform lead to different places."""

from __future__ import annotations

from pathlib import Path

from cladeseg.segmentation.data.integrity import Finding
from cladeseg.segmentation.volumes import form_difference, read_grid


def differing_forms(path: str | Path) -> Finding | None:
    """Report a file whose header places its voxels in two ways; see :func:`form_difference`.

    Raises:
        DataError: the file cannot be read.
    """
    message = form_difference(read_grid(path))
    return None if message is None else Finding("fixable", str(path), message)

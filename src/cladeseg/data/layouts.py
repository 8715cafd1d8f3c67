"""The folder layouts that cladeseg can read, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cladeseg.data.acdc import scan_acdc
from cladeseg.errors import DataError

#: Layout name → function that lists the cases of a folder.
LAYOUTS: dict[str, Callable[[str | Path], list[dict[str, Any]]]] = {"acdc": scan_acdc}


def scan(dataset_dir: str | Path, layout: str) -> list[dict[str, Any]]:
    """List the cases of a folder in the named layout; see the layout's own function for the keys.

    Raises:
        DataError: the layout is unknown, or the folder is not in it.
    """
    if layout not in LAYOUTS:
        raise DataError(f"{dataset_dir}: unknown layout '{layout}'; known layouts are {', '.join(sorted(LAYOUTS))}")
    return LAYOUTS[layout](dataset_dir)

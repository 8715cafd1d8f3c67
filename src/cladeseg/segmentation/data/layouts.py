"""The folder layouts that cladeseg can read, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cladeseg.files import DataError
from cladeseg.segmentation.data.acdc import scan_acdc
from cladeseg.segmentation.data.brats import scan_brats
from cladeseg.segmentation.data.msd import scan_msd

#: Layout name → function that lists the cases of a folder.
LAYOUTS: dict[str, Callable[[str | Path], list[dict[str, Any]]]] = {
    "acdc": scan_acdc,
    "brats": scan_brats,
    "msd": scan_msd,
}


def scan(dataset_dir: str | Path, layout: str) -> list[dict[str, Any]]:
    """List the cases of a folder in the named layout; see the layout's own function for the keys.

    Raises:
        DataError: the layout is unknown, or the folder is not in it.

    Example:
        >>> import tempfile
        >>> from cladeseg.segmentation.phantoms import write_msd_phantoms
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_msd_phantoms(folder, cases=2)
        ...     [case["case"] for case in scan(folder, "msd")]
        ['hippocampus_001', 'hippocampus_002']
        >>> sorted(LAYOUTS)
        ['acdc', 'brats', 'msd']
    """
    check_layout(layout, dataset_dir)
    return LAYOUTS[layout](dataset_dir)


def check_layout(layout: str, folder: str | Path) -> None:
    """Refuse a layout that nobody knows, in the name of the folder that is said to have it.

    Raises:
        DataError: the layout is unknown.
    """
    if layout not in LAYOUTS:
        raise DataError(f"{folder}: unknown layout '{layout}'; known layouts are {', '.join(sorted(LAYOUTS))}")

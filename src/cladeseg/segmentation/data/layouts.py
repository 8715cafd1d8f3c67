"""The folder layouts that cladeseg can read, by name, and which of them a folder is in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cladeseg.files import DataError, read_json
from cladeseg.segmentation.data.acdc import is_acdc, scan_acdc
from cladeseg.segmentation.data.bids import is_bids, scan_bids
from cladeseg.segmentation.data.brats import is_brats, scan_brats
from cladeseg.segmentation.data.channels import choose_channels
from cladeseg.segmentation.data.folders import is_folders, scan_folders
from cladeseg.segmentation.data.monai_datalist import is_datalist, scan_datalist
from cladeseg.segmentation.data.msd import is_msd, scan_msd
from cladeseg.segmentation.data.nnunet import is_nnunet, scan_nnunet

logger = logging.getLogger(__name__)

#: Instead of a layout: the one that the folder is in.
AUTO = "auto"


@dataclass(frozen=True)
class Layout:
    """One way to lay out a data set.

    Attributes:
        scan: lists the cases of a folder.
        fits: whether a folder is in it, judged by names and by the keys of JSON files alone.
        needs: what a folder in it holds, for messages.
        general: whether it is tried only where no other fits.
    """

    scan: Callable[[str | Path], list[dict[str, Any]]]
    fits: Callable[[Path], bool]
    needs: str
    general: bool = False


LAYOUTS: dict[str, Layout] = {
    "acdc": Layout(scan_acdc, is_acdc, "patientNNN/Info.cfg"),
    "bids": Layout(scan_bids, is_bids, "sub-LABEL/anat/sub-LABEL_SUFFIX.nii.gz"),
    "brats": Layout(scan_brats, is_brats, "ID/ID_{flair,t1,t1ce,t2}.nii.gz"),
    "datalist": Layout(scan_datalist, is_datalist, "a JSON file with a list 'training' of image and label"),
    "folders": Layout(scan_folders, is_folders, "CASE.nii.gz beside CASE_seg.nii.gz", general=True),
    "msd": Layout(scan_msd, is_msd, "dataset.json with a list 'training'"),
    "nnunet": Layout(scan_nnunet, is_nnunet, "dataset.json with 'channel_names', or imagesTr/CASE_0000.nii.gz"),
}


def scan(dataset_dir: str | Path, layout: str = AUTO, *, channels: Sequence[str] = ()) -> list[dict[str, Any]]:
    """List the cases of a folder in the named layout; see the layout's own function for the keys.

    Args:
        dataset_dir: the folder.
        layout: its layout, ``"auto"`` to recognise it.
        channels: names of the channels to take, in order, where the layout names files by them; all if empty.

    Raises:
        DataError: the layout is unknown, or the folder is not in it or lacks a channel.

    Example:
        >>> import tempfile
        >>> from cladeseg.segmentation.phantoms import write_msd_phantoms
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_msd_phantoms(folder, cases=2)
        ...     [case["case"] for case in scan(folder)]
        ['hippocampus_001', 'hippocampus_002']
    """
    return choose_channels(scan_with_channels(dataset_dir, layout), channels)


def scan_with_channels(dataset_dir: str | Path, layout: str = AUTO) -> list[dict[str, Any]]:
    """The cases as :func:`scan` lists them, each with the names of its ``channels`` where the layout knows them.

    Raises:
        DataError: the layout is unknown, or the folder is not in it.
    """
    check_layout(layout, dataset_dir)
    return LAYOUTS[recognise_layout(dataset_dir) if layout == AUTO else layout].scan(dataset_dir)


def resolve_layout(dataset_dir: str | Path, layout: str) -> str:
    """``layout`` itself unless it is ``"auto"``: then the one that the folder is in, which the log names.

    Raises:
        DataError: as for :func:`recognise_layout`, or the layout is unknown.
    """
    check_layout(layout, dataset_dir)
    if layout != AUTO:
        return layout
    found = recognise_layout(dataset_dir)
    logger.info("%s: its layout is '%s' (%s)", dataset_dir, found, LAYOUTS[found].needs)
    return found


def recognise_layout(dataset_dir: str | Path) -> str:
    """Name the layout that a folder is in, by its names of files and the keys of its JSON files.

    Raises:
        DataError: there is no such folder, or no layout or several fit it; the message lists what was looked for.
    """
    root = Path(dataset_dir)
    if not root.is_dir():
        raise DataError(f"{root}: {'is a file; give its folder' if root.is_file() else 'no such folder'}")
    fitting = _fitting(root, general=False) or _fitting(root, general=True)
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        _refuse_broken_json(root)
    looked_for = "; ".join(f"{name}: {LAYOUTS[name].needs}" for name in fitting or LAYOUTS)
    what = "several layouts fit" if fitting else "no layout fits"
    raise DataError(f"{root}: {what} ({looked_for}); name it with --layout or the setting data.layout")


def check_layout(layout: str, folder: str | Path) -> None:
    """Refuse a layout that nobody knows, in the name of the folder that is said to have it.

    Raises:
        DataError: the layout is unknown.
    """
    if layout != AUTO and layout not in LAYOUTS:
        known = ", ".join((AUTO, *sorted(LAYOUTS)))
        raise DataError(f"{folder}: unknown layout '{layout}'; known layouts are {known}")


def _fitting(root: Path, *, general: bool) -> list[str]:
    return [name for name, layout in LAYOUTS.items() if layout.general == general and layout.fits(root)]


def _refuse_broken_json(root: Path) -> None:
    """A list that cannot be read is the likeliest reason why no layout fits."""
    for file in sorted(root.glob("*.json")):
        if not file.name.startswith("."):
            read_json(file)

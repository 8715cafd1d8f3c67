"""Tiny volumes in every general layout: two patients, one of them with two scans, in two channels or one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

#: Scan → patient; what every writer below lays out.
SCANS = {"p1a": "p1", "p1b": "p1", "p2": "p2", "p3": "p3", "p4": "p4"}
CHANNELS = ("T1", "T2")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def write_json(root: Path, name: str, content: Any, encoding: str = "utf-8") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(json.dumps(content), encoding=encoding)
    return root


def volume(path: Path, seed: int, *, label: bool = False) -> None:
    rng = np.random.default_rng(seed)
    voxels = rng.integers(0, 3 if label else 200, (6, 5, 4)).astype(np.uint8 if label else np.int16)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels, np.diag([2.0, 2.0, 3.0, 1.0])), path)


def _write(root: Path, name_of: Callable[[str, str], str], channels: tuple[str, ...]) -> None:
    """Every scan's images and label, named by (scan, channel or "label")."""
    for i, scan in enumerate(SCANS):
        for j, channel in enumerate(channels):
            volume(root / name_of(scan, channel), 10 * i + j)
        volume(root / name_of(scan, "label"), 10 * i + 9, label=True)


def datalist(root: Path, channels: tuple[str, ...] = CHANNELS) -> Path:
    def name(scan: str, kind: str) -> str:
        return f"scans/{scan}_{kind}.nii.gz"

    _write(root, name, channels)
    entries = [
        {"image": [name(scan, c) for c in channels], "label": name(scan, "label"), "patient": patient}
        for scan, patient in SCANS.items()
    ]
    return write_json(root, "cases.json", {"training": entries})


def nnunet(root: Path, channels: tuple[str, ...] = CHANNELS) -> Path:
    def name(scan: str, kind: str) -> str:
        if kind == "label":
            return f"labelsTr/{scan}.nii.gz"
        return f"imagesTr/{scan}_{channels.index(kind):04d}.nii.gz"

    _write(root, name, channels)
    content = {"channel_names": dict(enumerate(channels)), "labels": {"background": 0, "a": 1, "b": 2}}
    return write_json(root, "dataset.json", {**content, "file_ending": ".nii.gz", "patients": SCANS})


def bids(root: Path, channels: tuple[str, ...] = CHANNELS) -> Path:
    def name(scan: str, kind: str) -> str:
        session = f"ses-{scan[2:] or 'a'}"
        stem = f"sub-{SCANS[scan]}/{session}/anat/sub-{SCANS[scan]}_{session}"
        return f"derivatives/manual/{stem}_dseg.nii.gz" if kind == "label" else f"{stem}_{kind}.nii.gz"

    _write(root, name, channels)
    return root


def folders(root: Path, channels: tuple[str, ...] = CHANNELS) -> Path:
    def name(scan: str, kind: str) -> str:
        words = {"label": "_seg"} if len(channels) > 1 else {"label": "_seg", channels[0]: ""}
        return f"{SCANS[scan]}/{scan}{words.get(kind, f'_{kind}')}.nii.gz"

    _write(root, name, channels)
    return root


def msd(root: Path, channels: tuple[str, ...] = ("T1",)) -> Path:
    """One file a case: this layout has 4D files for several channels."""
    _write(root, lambda scan, kind: f"{'labels' if kind == 'label' else 'images'}Tr/{scan}.nii.gz", channels[:1])
    entries = [
        {"image": f"./imagesTr/{scan}.nii.gz", "label": f"./labelsTr/{scan}.nii.gz", "patient": patient}
        for scan, patient in SCANS.items()
    ]
    return write_json(root, "dataset.json", {"modality": {"0": "MRI"}, "training": entries})


WRITERS: dict[str, Callable[..., Path]] = {
    "bids": bids,
    "datalist": datalist,
    "folders": folders,
    "msd": msd,
    "nnunet": nnunet,
}

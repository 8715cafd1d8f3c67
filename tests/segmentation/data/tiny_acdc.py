"""Tiny patients in ACDC layout: just enough for scanning, checking and splitting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cladeseg.volumes import read
from cladeseg.volumes.grid import Grid

SHAPE = (6, 5, 3)
AFFINE = np.diag([-1.5, -1.5, 8.0, 1.0])
GROUPS = ("DCM", "HCM", "MINF", "NOR", "RV")


def save(voxels: np.ndarray, path: Path, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return path


def image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 500, SHAPE).astype(np.int16)


def label() -> np.ndarray:
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[1:5, 1:4] = 2
    voxels[2:4, 2:3] = 3
    voxels[1, 1] = 1
    return voxels


def write_patient(root: Path, number: int, group: str = "DCM", seed: int | None = None) -> Path:
    name = f"patient{number:03d}"
    folder = root / name
    for frame in (1, 7):
        voxels = image(10 * (number if seed is None else seed) + frame)
        save(voxels, folder / f"{name}_frame{frame:02d}.nii.gz")
        save(label(), folder / f"{name}_frame{frame:02d}_gt.nii.gz")
    (folder / "Info.cfg").write_text(f"ED: 1\nES: 7\nGroup: {group}\nHeight: 170.0\nNbFrame: 9\n")
    return folder


def write_patients(root: Path, count: int) -> Path:
    for number in range(1, count + 1):
        write_patient(root, number, GROUPS[number % len(GROUPS)])
    return root


def truncate(path: Path) -> None:
    """Cut the end of a file off."""
    path.write_bytes(path.read_bytes()[:-16])


def before_reading(monkeypatch: pytest.MonkeyPatch, call: Callable[[Path], object]) -> None:
    """Call something with the path of every NIfTI file whose voxels are read."""
    grid, voxels = read._READERS["nifti"]

    def watched(header: Grid) -> np.ndarray:
        call(header.path)
        return voxels(header)

    monkeypatch.setitem(read._READERS, "nifti", (grid, watched))

"""The folder layout of ACDC: one folder per patient with an Info.cfg, two frames and their labels.

Bernard et al., "Deep Learning Techniques for Automatic MRI Cardiac Multi-Structures Segmentation and Diagnosis: Is the
Problem Solved?", IEEE TMI 37(11), 2018.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cladeseg.files import DataError
from cladeseg.segmentation.data.case_list import data_folder
from cladeseg.segmentation.data.file_names import is_volume, volume_named
from cladeseg.volumes import case_name

_PATIENT = re.compile(r"patient\d+")


def scan_acdc(dataset_dir: str | Path) -> list[dict[str, Any]]:
    """List the end-diastolic and end-systolic case of every patient.

    Args:
        dataset_dir: folder that holds ``patientNNN``, each with ``Info.cfg``, ``patientNNN_frameFF.nii.gz`` and
            ``patientNNN_frameFF_gt.nii.gz`` (``.nii`` is accepted too), directly or in a sub-folder ``training`` as in
            the official archive.  Its ``testing`` stays held out: give that folder itself to use it.

    Returns:
        Cases ``{"case", "patient", "group", "frame": "ED" | "ES", "image", "label"}`` sorted by case, paths in POSIX
        form relative to ``dataset_dir``.  Where the label file is absent, ``missing_label`` says where it was expected.

    Raises:
        DataError: no such folder, no patient in it, an Info.cfg is absent or has no ED or ES, an image is absent.

    Example:
        >>> import tempfile
        >>> from cladeseg.segmentation.phantoms import write_acdc_phantoms
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_acdc_phantoms(folder, patients=1, shape=(24, 24, 4), spacing=(8, 8, 9))
        ...     [(case["case"], case["frame"], case["image"]) for case in scan_acdc(folder)][0]
        ('patient001_frame01', 'ED', 'patient001/patient001_frame01.nii.gz')
    """
    root = data_folder(dataset_dir)
    return [case for folder in _patient_folders(root) for case in _scan_patient(folder, root)]


def is_acdc(root: Path) -> bool:
    """Whether a folder ``patientNNN`` holds an Info.cfg, or frames of its name."""
    folders = (p for parent in (root, root / "training") for p in parent.glob("patient*") if _PATIENT.fullmatch(p.name))
    return any((p / "Info.cfg").is_file() or any(p.glob(f"{p.name}_frame*")) for p in folders)


def _patient_folders(root: Path) -> list[Path]:
    for parent in (root, root / "training"):
        found = sorted(p for p in parent.glob("patient*") if p.is_dir() and _PATIENT.fullmatch(p.name))
        if found:
            return found
    raise DataError(f"{root}: holds no folder patientNNN, so it is empty or not in ACDC layout")


def _scan_patient(folder: Path, root: Path) -> list[dict[str, Any]]:
    info = _read_info(folder / "Info.cfg")
    _refuse_labels_without_image(folder)
    cases = [_scan_frame(folder, root, info, frame) for frame in ("ED", "ES")]
    return sorted(cases, key=lambda case: case["case"])


def _read_info(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise DataError(f"{path}: missing; it names the frames ED and ES")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    info = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    for frame in ("ED", "ES"):
        if not info.get(frame, "").isdecimal():
            raise DataError(f"{path}: '{frame}' should be a frame number, found {info.get(frame)!r}")
    if int(info["ED"]) == int(info["ES"]):
        raise DataError(f"{path}: 'ED' and 'ES' are the same frame {info['ED']}")
    return info


def _scan_frame(folder: Path, root: Path, info: dict[str, str], frame: str) -> dict[str, Any]:
    name = f"{folder.name}_frame{int(info[frame]):02d}"
    image, label = volume_named(folder, name), volume_named(folder, f"{name}_gt")
    if image is None:
        raise DataError(f"{folder / name}.nii.gz: missing; Info.cfg names it as the {frame} frame")
    expected = image.with_name(image.name.replace(name, f"{name}_gt", 1))
    return {
        "case": name,
        "patient": folder.name,
        "group": info.get("Group") or "unknown",
        "frame": frame,
        "image": image.relative_to(root).as_posix(),
        "label" if label else "missing_label": (label or expected).relative_to(root).as_posix(),
    }


def _refuse_labels_without_image(folder: Path) -> None:
    labels = (file for file in sorted(folder.glob(f"{folder.name}_frame*")) if is_volume(file))
    for label in (file for file in labels if case_name(file).endswith("_gt")):
        if volume_named(folder, case_name(label).removesuffix("_gt")) is None:
            raise DataError(f"{label}: a label without an image beside it")

"""The folder layout of the Medical Segmentation Decathlon: a dataset.json that lists images and labels.

Antonelli et al., "The Medical Segmentation Decathlon", Nature Communications 13:4128, 2022.
"""

from __future__ import annotations

import logging
from pathlib import Path, PurePosixPath
from typing import Any

from cladeseg.files import DataError, read_json
from cladeseg.segmentation.volumes import case_name

logger = logging.getLogger(__name__)


def scan_msd(dataset_dir: str | Path) -> list[dict[str, Any]]:
    """List the training cases of a task's ``dataset.json``; its test cases have no labels and are left out.

    Args:
        dataset_dir: folder that holds ``dataset.json``, whose ``training`` is a list of ``{"image", "label"}`` with
            paths such as ``./imagesTr/x.nii.gz``.  A multi-channel image is one 4D file, channels last.

    Returns:
        Cases ``{"case", "patient", "group": "unknown", "image", "label"}`` sorted by case, paths in POSIX form relative
        to ``dataset_dir``.  The case is the image file's name without ending, and each case a patient of its own: the
        layout does not name patients.  Where the label file is absent, ``missing_label`` says where it was expected.

    Raises:
        DataError: dataset.json is absent, unreadable, or lists no case; an entry is none, or leaves the folder; a
            listed image is absent; two images of one name.

    Example:
        >>> import tempfile
        >>> from cladeseg.segmentation.phantoms import write_msd_phantoms
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_msd_phantoms(folder, cases=1)
        ...     [(case["image"], case["label"]) for case in scan_msd(folder)]
        [('imagesTr/hippocampus_001.nii.gz', 'labelsTr/hippocampus_001.nii.gz')]
    """
    root = Path(dataset_dir)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    file = root / "dataset.json"
    cases: dict[str, dict[str, Any]] = {}
    for where, entry in _entries(file):
        case = _scan_entry(entry, where, root)
        if case["case"] in cases:
            raise DataError(f"{where}: a second case '{case['case']}', the first is {cases[case['case']]['image']}")
        cases[case["case"]] = case
    return [cases[name] for name in sorted(cases)]


def _entries(file: Path) -> list[tuple[str, dict[str, str]]]:
    """Where and what: the training entries, without the hidden files that macOS archives add."""
    content = read_json(file)
    listed = content.get("training") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not listed:
        raise DataError(f'{file}: \'training\' should list {{"image", "label"}}, found {_shown(listed)}')
    if isinstance(content.get("test"), list) and content["test"]:
        logger.info("%s: its %d test cases have no labels and are left out", file, len(content["test"]))
    entries = [(f"{file}: training[{i}]", entry) for i, entry in enumerate(listed)]
    for where, entry in entries:
        _check_entry(entry, where)
    visible = [(where, entry) for where, entry in entries if not PurePosixPath(entry["image"]).name.startswith(".")]
    if not visible:
        raise DataError(f"{file}: 'training' lists hidden files only")
    return visible


def _shown(value: Any) -> str:
    return "nothing" if value is None or value == [] else f"a {type(value).__name__}"


def _check_entry(entry: Any, where: str) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("image"), str):
        raise DataError(f"{where}: needs a text 'image'")
    if not isinstance(entry.get("label", ""), str):
        raise DataError(f"{where}: 'label' is a path, not {entry['label']!r}")
    for key in ("image", "label"):
        path = PurePosixPath(entry.get(key, ""))
        if path.is_absolute() or ".." in path.parts:
            raise DataError(f"{where}: {key} '{entry[key]}' leaves the folder")


def _scan_entry(entry: dict[str, str], where: str, root: Path) -> dict[str, Any]:
    image = PurePosixPath(entry["image"])
    if not (root / image).is_file():
        raise DataError(f"{root / image}: missing; {where} lists it")
    label = PurePosixPath(entry.get("label") or PurePosixPath("labelsTr", image.name))
    case = case_name(root / image)
    return {
        "case": case,
        "patient": case,
        "group": "unknown",
        "image": image.as_posix(),
        "label" if (root / label).is_file() else "missing_label": label.as_posix(),
    }

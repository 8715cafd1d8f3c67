"""nnU-Net's raw folders, version 1 and 2: channels in files of their own, counted ``_0000``, ``_0001``, ….

Isensee et al., "nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation", Nature
Methods 18, 2021; documentation/dataset_format.md of its repository.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from cladeseg.files import DataError
from cladeseg.segmentation.data.case_list import (
    UNKNOWN,
    data_folder,
    log_left_out,
    log_unused_keys,
    refuse_split_patients,
    unique_cases,
)
from cladeseg.segmentation.data.dataset_json import DESCRIPTIVE, FILE, modalities, peek, read_object
from cladeseg.segmentation.data.file_names import is_volume
from cladeseg.segmentation.data.listed_paths import is_there, listed_name, listed_path
from cladeseg.volumes import case_name

_CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")
#: Keys of dataset.json that are read, or that say nothing about the cases.
_USED = (
    *DESCRIPTIVE,
    "channel_names",
    "file_ending",
    "patients",
    "training",
    "test",
    "dataset",
    "regions_class_order",
    "overwrite_image_reader_writer",
)


def scan_nnunet(dataset_dir: str | Path) -> list[dict[str, Any]]:
    """List the cases of a raw data set of nnU-Net.

    Args:
        dataset_dir: the folder ``DatasetNNN_Name`` (or ``TaskNNN_Name``) with ``dataset.json``,
            ``imagesTr/CASE_0000.nii.gz``, one file for each channel, ``labelsTr/CASE.nii.gz``, and maybe ``imagesTs``
            and ``labelsTs``.  Of ``dataset.json``, ``channel_names`` (version 2) or ``modality`` (version 1) names the
            channels; a ``dataset`` that gives each case's files (version 2) replaces the look into the folders;
            ``patients``, an addition of ours, maps cases to patients.  The integers of ``labels`` are the tree's
            business, whichever way they are written.

    Returns:
        Cases ``{"case", "patient", "group", "image", "label"}`` sorted by case, with ``channels`` where there are
        several, paths in POSIX form relative to ``dataset_dir``.  The format names no patients: each case is one of its
        own unless ``patients`` says more.  Cases of ``imagesTs`` with a label in ``labelsTs`` have the ``part``
        ``"test"``, which the split keeps; those without are left out.  Where a label file of ``labelsTr`` is absent,
        ``missing_label`` says where it was expected.

    Raises:
        DataError: dataset.json is absent or impossible, no case, or a case that lacks a channel.

    Example:
        >>> import json, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz", "labelsTr/a.nii.gz"):
        ...         Path(folder, name).parent.mkdir(exist_ok=True)
        ...         Path(folder, name).touch()
        ...     content = {"channel_names": {"0": "T1", "1": "T2"}, "file_ending": ".nii.gz"}
        ...     _ = Path(folder, "dataset.json").write_text(json.dumps(content))
        ...     [(case["case"], case["channels"], case["label"]) for case in scan_nnunet(folder)]
        [('a', ['T1', 'T2'], 'labelsTr/a.nii.gz')]
    """
    root = data_folder(dataset_dir)
    content = read_object(root / FILE)
    log_unused_keys([content], _USED, str(root / FILE))
    if isinstance(content.get("dataset"), dict):
        found = _named_cases(content["dataset"], root)
    else:
        found = [*_folder_cases(root, "Tr"), *_folder_cases(root, "Ts")]
    if not found:
        raise DataError(f"{root}: holds no case; looked for imagesTr/CASE_0000 and so on")
    cases = unique_cases((case["image"][0], case) for case in found)
    names = modalities(content.get("channel_names", content.get("modality")))
    _refuse_missing_channels(cases, names, root)
    patients = _patients(content.get("patients", {}), root / FILE)
    finished = [_finished(case, names, patients) for case in cases]
    refuse_split_patients(finished, root / FILE)
    return finished


def is_nnunet(root: Path) -> bool:
    """Whether dataset.json names channels, or lists images that exist with ``_0000`` behind their names only."""
    content = peek(root / FILE)
    if isinstance(content.get("channel_names"), dict):
        return True
    listed = content.get("training")
    images = [entry.get("image") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    names = {case_name(image) for image in images if isinstance(image, str)}
    volumes = _volumes(root / "imagesTr")
    counted = {match["case"] for match in map(_counted, volumes) if match}
    single = {case_name(file) for file in volumes}
    return bool(names & counted) and not names & single


def _volumes(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.glob("*")) if is_volume(file)]


def _counted(file: Path) -> re.Match[str] | None:
    return _CHANNEL.fullmatch(case_name(file))


def _folder_cases(root: Path, side: str) -> list[dict[str, Any]]:
    """Cases of imagesTr or imagesTs, ``image`` always a list and without names of channels."""
    files: dict[str, dict[int, Path]] = {}
    strange = []
    for file in _volumes(root / f"images{side}"):
        match = _counted(file)
        if match is None:
            strange.append(file.name)
        else:
            files.setdefault(match["case"], {})[int(match["channel"])] = file
    log_left_out(strange, root / f"images{side}", "their names do not end in a channel such as _0000")
    labels = {case_name(file): file for file in _volumes(root / f"labels{side}")}
    cases = [_folder_case(name, named, labels.get(name), root) for name, named in files.items()]
    if side == "Tr":
        return cases
    unlabelled = [case["case"] for case in cases if "label" not in case]
    log_left_out(unlabelled, root / "imagesTs", "they have no label in labelsTs to score")
    return [{**case, "part": "test"} for case in cases if "label" in case]


def _folder_case(name: str, named: Mapping[int, Path], label: Path | None, root: Path) -> dict[str, Any]:
    for channel in range(max(named) + 1):
        if channel not in named:
            file = next(iter(named.values()))
            raise DataError(f"{file.parent / name}_{channel:04d}: missing; the case has {file.name}")
    first = named[0]
    expected = root / "labelsTr" / first.name.replace("_0000", "", 1)
    return {
        "case": name,
        "image": [named[channel].relative_to(root).as_posix() for channel in sorted(named)],
        "label" if label else "missing_label": (label or expected).relative_to(root).as_posix(),
    }


def _named_cases(listed: Mapping[str, Any], root: Path) -> list[dict[str, Any]]:
    """Version 2 may give each case's files: ``{"CASE": {"images": […], "label": "…"}}``."""
    return [_named_case(name, entry, f"{root / FILE}: dataset['{name}']", root) for name, entry in listed.items()]


def _named_case(name: str, entry: Any, where: str, root: Path) -> dict[str, Any]:
    images = entry.get("images") if isinstance(entry, dict) else None
    if not isinstance(images, list) or not images:
        raise DataError(f"{where}: needs a list 'images' of one path for each channel")
    files = [listed_path(image, where, "images") for image in images]
    for file in files:
        if not is_there(root / file):
            raise DataError(f"{root / file}: missing; {where} lists it")
    label = listed_path(entry.get("label") or PurePosixPath("labelsTr", f"{name}.nii.gz").as_posix(), where, "label")
    return {
        "case": listed_name(name, where, "case"),
        "image": [file.as_posix() for file in files],
        "label" if is_there(root / label) else "missing_label": label.as_posix(),
    }


def _refuse_missing_channels(cases: Sequence[Mapping[str, Any]], names: Sequence[str], root: Path) -> None:
    wanted = len(names) or max(len(case["image"]) for case in cases)
    for case in cases:
        if len(case["image"]) != wanted:
            counted = f"of {', '.join(names)}" if names else "as other cases have"
            raise DataError(
                f"{root / case['image'][-1]}: case '{case['case']}' has {len(case['image'])} channels, "
                f"not the {wanted} {counted}"
            )


def _patients(listed: Any, file: Path) -> dict[str, str]:
    if not isinstance(listed, dict):
        raise DataError(f"{file}: 'patients' should map the names of cases to those of patients")
    return {case: listed_name(patient, f"{file}: patients", case) for case, patient in listed.items()}


def _finished(case: Mapping[str, Any], names: Sequence[str], patients: Mapping[str, str]) -> dict[str, Any]:
    image = case["image"]
    counted = [f"{channel:04d}" for channel in range(len(image))]
    several = {"channels": list(names or counted)} if len(image) > 1 else {}
    patient = patients.get(case["case"], case["case"])
    whole = image if several else image[0]
    return {**case, "patient": patient, "group": UNKNOWN, "image": whole, **several}

"""MONAI's and Auto3DSeg's datalists: one JSON file with the lists training, validation and testing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cladeseg.files import DataError
from cladeseg.segmentation.data.case_list import data_folder, log_left_out, log_unused_keys, refuse_split_patients
from cladeseg.segmentation.data.dataset_json import DESCRIPTIVE, FILE, modalities, peek, read_object
from cladeseg.segmentation.data.listed_cases import ENTRY_KEYS, Entry, is_volume_entry, listed_cases, read_entries
from cladeseg.segmentation.data.msd import is_msd
from cladeseg.segmentation.data.nnunet import is_nnunet

#: List → side of the split that its cases are on; "" where the split is drawn.
_PARTS = {"training": "", "validation": "validation", "testing": "test", "test": "test"}
_REASONS = {"fold": "the split is drawn over patients by the seed", "supervision": "a run decides it by its settings"}


def scan_datalist(dataset_dir: str | Path) -> list[dict[str, Any]]:
    """List the cases of a folder's datalist.

    Args:
        dataset_dir: folder that holds one JSON file of any name whose ``training`` lists ``{"image", "label"}``, and
            maybe ``validation`` and ``testing`` (or ``test``), with paths relative to this folder.  ``image`` is a
            path or one path for each channel; ``label`` may be left out.

    Returns:
        Cases as :func:`~cladeseg.segmentation.data.msd.scan_msd` lists them, with ``channels`` where the names of an
        image's files say them.  Those of ``validation`` and ``testing`` have a ``part``, ``"validation"`` or
        ``"test"``, which the split keeps; cases of ``training`` are drawn.  The patient is the entry's ``patient``,
        ``patient_id``, ``subject`` or ``subject_id``; without one each case is a patient of its own.  An entry of
        ``training`` without a label is a case without one; elsewhere it is left out, because it cannot be scored.
        ``fold`` is not used: the split is drawn over patients by the seed.

    Raises:
        DataError: there is no such file or several; an entry is of the wrong kind, or leaves the folder; a listed
            image is absent; one patient is on two sides.

    Example:
        >>> import json, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("p1_t1.nii", "p1_t2.nii"):
        ...         Path(folder, name).touch()
        ...     entry = {"image": ["p1_t1.nii", "p1_t2.nii"], "patient": "p1"}
        ...     _ = Path(folder, "folds.json").write_text(json.dumps({"training": [entry]}))
        ...     scan_datalist(folder)[0]["channels"]
        ['t1', 't2']
    """
    root = data_folder(dataset_dir)
    file = _only_file(root)
    content = read_object(file)
    lists = [read_entries(content, key, file, part=part) for key, part in _PARTS.items() if key in content]
    entries = _scored([entry for listed in lists for entry in listed], file)
    log_unused_keys([content], (*DESCRIPTIVE, *_PARTS), str(file))
    log_unused_keys([entry.content for entry in entries], ENTRY_KEYS, str(file), _REASONS)
    cases = listed_cases(entries, root, channels=modalities(content.get("modality")))
    refuse_split_patients(cases, file)
    return cases


def is_datalist(root: Path) -> bool:
    """Whether a JSON file lists training cases, and neither the Decathlon's nor nnU-Net's way."""
    return bool(_files(root))


def _only_file(root: Path) -> Path:
    files = _files(root)
    if len(files) > 1:
        raise DataError(f"{root}: both {files[0].name} and {files[1].name} list cases; keep one of them in the folder")
    if not files:
        raise DataError(f"{root}: holds no JSON file whose 'training' lists cases with an 'image'")
    return files[0]


def _files(root: Path) -> list[Path]:
    files = [file for file in sorted(root.glob("*.json")) if not file.name.startswith(".")]
    taken = (root / FILE,) if is_msd(root) or is_nnunet(root) else ()
    return [file for file in files if file not in taken and _lists_cases(file)]


def _lists_cases(file: Path) -> bool:
    listed = peek(file).get("training")
    return isinstance(listed, list) and any(is_volume_entry(entry) for entry in listed)


def _scored(entries: list[Entry], file: Path) -> list[Entry]:
    left_out = [entry for entry in entries if entry.part and not entry.labelled]
    log_left_out([entry.where.removeprefix(f"{file}: ") for entry in left_out], file, "they have no label to score")
    return [entry for entry in entries if not entry.part or entry.labelled]

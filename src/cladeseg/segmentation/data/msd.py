"""The folder layout of the Medical Segmentation Decathlon: a dataset.json that lists images and labels.

Antonelli et al., "The Medical Segmentation Decathlon", Nature Communications 13:4128, 2022.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from cladeseg.segmentation.data.case_list import data_folder, log_unused_keys
from cladeseg.segmentation.data.dataset_json import DESCRIPTIVE, FILE, modalities, peek, read_object
from cladeseg.segmentation.data.listed_cases import ENTRY_KEYS, is_volume_entry, listed_cases, read_entries
from cladeseg.segmentation.data.nnunet import is_nnunet

logger = logging.getLogger(__name__)


def scan_msd(dataset_dir: str | Path) -> list[dict[str, Any]]:
    """List the training cases of a task's ``dataset.json``; its test cases have no labels and are left out.

    Args:
        dataset_dir: folder that holds ``dataset.json``, whose ``training`` is a list of ``{"image", "label"}`` with
            paths such as ``./imagesTr/x.nii.gz``.  A multi-channel image is one 4D file, channels last, which
            ``modality`` names.  An entry may say its ``patient``, ``group`` and ``case``.

    Returns:
        Cases ``{"case", "patient", "group", "image", "label"}`` sorted by case, paths in POSIX form relative to
        ``dataset_dir``; ``channels`` where there are several.  The case is the image file's name without ending.  The
        patient is the entry's ``patient``; without that key each case is a patient of its own.  Where the label file
        is absent, ``missing_label`` says where it was expected.

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
    root = data_folder(dataset_dir)
    content = read_object(root / FILE)
    entries = read_entries(content, "training", root / FILE)
    if isinstance(content.get("test"), list) and content["test"]:
        logger.info("%s: its %d test cases have no labels and are left out", root / FILE, len(content["test"]))
    log_unused_keys([content], (*DESCRIPTIVE, "training", "test"), str(root / FILE))
    log_unused_keys([entry.content for entry in entries], ENTRY_KEYS, f"{root / FILE}: training")
    return listed_cases(entries, root, label_folder="labelsTr", channels=modalities(content.get("modality")))


def is_msd(root: Path) -> bool:
    """Whether dataset.json lists training cases, one existing file each, and neither folds nor further parts."""
    content = peek(root / FILE)
    listed = content.get("training")
    if not isinstance(listed, list) or {"validation", "testing"} & content.keys() or is_nnunet(root):
        return False
    entries = [entry for entry in listed if is_volume_entry(entry)]
    return not any("fold" in entry or isinstance(entry["image"], list) for entry in entries)

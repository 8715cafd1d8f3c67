"""Which file convention wrote the labels of a folder, detected from file names."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.files import DataError
from cladeseg.segmentation.data.brats import parse_brats_name
from cladeseg.segmentation.data.layouts import recognise_layout, scan
from cladeseg.segmentation.data.volume_files import volume_files
from cladeseg.taxonomy import Taxonomy
from cladeseg.volumes import case_name

logger = logging.getLogger(__name__)

#: Instead of a label convention: detect it.
AUTO = "auto"


def detect_label_convention(
    cases: Sequence[Mapping[str, Any]], dataset_dir: str | Path, taxonomy: Taxonomy, layout: str
) -> str:
    """Name the label convention of a folder's labels.

    The names of BraTS files decide first, then whether the tree has one label convention only.  No label file is
    opened: at this point nobody knows which labels may be.  Whether the values fit is the integrity check's business.

    Args:
        cases: as the layout lists them.
        dataset_dir: their folder, for messages.
        taxonomy: the tree whose label conventions may be meant.
        layout: the cases' layout.

    Raises:
        DataError: it cannot be detected; the message asks for it and lists the known ones.
    """
    layout = recognise_layout(dataset_dir) if layout == AUTO else layout
    named = _label_conventions_by_name(cases) if layout == "brats" else {}
    if len(named) > 1:
        examples = " and ".join(f"{file} ({label_convention})" for label_convention, file in sorted(named.items()))
        raise DataError(f"{dataset_dir}: holds cases of two BraTS years, {examples}; keep them in a folder each")
    fitting = [label_convention for label_convention in named if label_convention in taxonomy.label_conventions]
    label_conventions = fitting or taxonomy.label_conventions
    if len(label_conventions) != 1:
        known = ", ".join(taxonomy.label_conventions)
        raise DataError(
            f"{dataset_dir}: the label convention cannot be detected from its file names; "
            f"name it, with the setting data.label_convention or the option --label-convention ({known})"
        )
    logger.info("%s: labels are read in the label convention '%s'", dataset_dir, label_conventions[0])
    return label_conventions[0]


def resolve_label_convention(
    label_convention: str,
    cases: Sequence[Mapping[str, Any]] | None,
    dataset_dir: str | Path,
    taxonomy: Taxonomy,
    layout: str,
) -> str:
    """``label_convention`` itself unless it is ``"auto"``; see :func:`detect_label_convention`.

    Without ``cases`` the folder is scanned, and only if it must be detected.
    """
    if label_convention != AUTO:
        return label_convention
    return detect_label_convention(scan(dataset_dir, layout) if cases is None else cases, dataset_dir, taxonomy, layout)


def _label_conventions_by_name(cases: Sequence[Mapping[str, Any]]) -> dict[str, Path]:
    """Label convention → the first image file that is named as its files are."""
    found: dict[str, Path] = {}
    for file in (volume_files(case["image"])[0] for case in cases):
        name = parse_brats_name(case_name(file))
        if name is not None:
            found.setdefault(name.naming.label_convention, file)
    return found

"""Which file convention wrote the labels of a folder, as far as that can be told without opening one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.files import DataError
from cladeseg.segmentation.data.brats_naming import parse_brats_name
from cladeseg.segmentation.data.layouts import scan
from cladeseg.segmentation.data.volume_files import volume_files
from cladeseg.segmentation.transforms.save_label import case_name
from cladeseg.taxonomy import Taxonomy

logger = logging.getLogger(__name__)

#: Instead of a dialect: find out.
AUTO = "auto"


def recognise_dialect(
    cases: Sequence[Mapping[str, Any]], dataset_dir: str | Path, taxonomy: Taxonomy, layout: str
) -> str:
    """Name the dialect of a folder's labels.

    The names of BraTS files decide first, then whether the tree has one dialect only.  No label file is opened: at this
    point nobody knows which labels may be.  Whether the values fit is the integrity check's business.

    Args:
        cases: as the layout lists them.
        dataset_dir: their folder, for messages.
        taxonomy: the tree whose dialects may be meant.
        layout: the cases' layout.

    Raises:
        DataError: it cannot be told; the message asks for ``--dialect`` and lists the known ones.
    """
    named = _dialects_by_name(cases) if layout == "brats" else {}
    if len(named) > 1:
        examples = " and ".join(f"{file} ({dialect})" for dialect, file in sorted(named.items()))
        raise DataError(f"{dataset_dir}: holds cases of two BraTS years, {examples}; keep them in a folder each")
    fitting = [dialect for dialect in named if dialect in taxonomy.dialects]
    dialects = fitting or taxonomy.dialects
    if len(dialects) != 1:
        known = ", ".join(taxonomy.dialects)
        raise DataError(
            f"{dataset_dir}: which dialect its labels are written in cannot be told; say --dialect ({known})"
        )
    logger.info("%s: labels are read in the dialect '%s'", dataset_dir, dialects[0])
    return dialects[0]


def resolve_dialect(
    dialect: str, cases: Sequence[Mapping[str, Any]] | None, dataset_dir: str | Path, taxonomy: Taxonomy, layout: str
) -> str:
    """``dialect`` itself unless it is ``"auto"``; see :func:`recognise_dialect`.

    Without ``cases`` the folder is scanned, and only if it must be found out.
    """
    if dialect != AUTO:
        return dialect
    return recognise_dialect(scan(dataset_dir, layout) if cases is None else cases, dataset_dir, taxonomy, layout)


def _dialects_by_name(cases: Sequence[Mapping[str, Any]]) -> dict[str, Path]:
    """Dialect → the first image file that is named as its files are."""
    found: dict[str, Path] = {}
    for file in (volume_files(case["image"])[0] for case in cases):
        name = parse_brats_name(case_name(file))
        if name is not None:
            found.setdefault(name.naming.dialect, file)
    return found

"""The Brain Imaging Data Structure: sub-…/[ses-…/]anat/, with labels below derivatives.

Gorgolewski et al., "The brain imaging data structure, a format for organizing and describing outputs of neuroimaging
experiments", Scientific Data 3, 2016; bids-specification.readthedocs.io.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from cladeseg.files import DataError
from cladeseg.segmentation.data.case_list import data_folder, log_left_out
from cladeseg.segmentation.data.file_names import is_volume, label_of
from cladeseg.segmentation.data.gathered_cases import Gathered, finished_cases
from cladeseg.volumes import case_name

#: Entities that make a case; what else a name says is part of its channel.
_CASE_ENTITIES = ("sub", "ses", "run")
_ANAT = ("sub-*/anat", "sub-*/ses-*/anat")


class _Name(NamedTuple):
    """A file's name taken apart: ``sub-1_ses-2_acq-hi_T1w`` is case sub-1_ses-2, channel acq-hi_T1w."""

    case: str
    subject: str
    rest: str


def scan_bids(dataset_dir: str | Path) -> list[dict[str, Any]]:
    """List the anatomical images of a BIDS data set.

    Args:
        dataset_dir: folder that holds ``sub-LABEL/[ses-LABEL/]anat/sub-LABEL[_ses-LABEL]…_SUFFIX.nii.gz``, with labels
            ``sub-LABEL[_ses-LABEL]…_{dseg,label,seg,mask,…}.nii.gz`` anywhere below ``derivatives``, or in ``anat``.

    Returns:
        Cases ``{"case", "patient", "group": "unknown", "image", "label"}`` sorted by case, with ``channels`` (e.g.
        FLAIR, T1w) where there are several, paths in POSIX form relative to ``dataset_dir``.  Patients are subjects;
        each session, and each run of one, is a case.  A label belongs to the case whose sub, ses and run its name
        repeats.  Where there is none, ``missing_label`` says where it was expected.  ``participants.tsv`` and other
        folders than anat are not read.

    Raises:
        DataError: no image in an ``anat`` folder, a label without image, a case with two labels or one that lacks a
            channel that more than half of the others have.

    Example:
        >>> import tempfile
        >>> names = ("sub-1/anat/sub-1_T1w.nii.gz", "derivatives/manual/sub-1/anat/sub-1_desc-manual_dseg.nii.gz")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in names:
        ...         Path(folder, name).parent.mkdir(parents=True)
        ...         Path(folder, name).touch()
        ...     [(case["patient"], case["label"]) for case in scan_bids(folder)] == [("sub-1", names[1])]
        True
    """
    root = data_folder(dataset_dir)
    raw = _anatomical(root)
    derived = [file for file in sorted(root.glob("derivatives/**/sub-*")) if is_volume(file)]
    labels = [file for file in [*raw, *derived] if label_of(file) is not None]
    images = [file for file in raw if label_of(file) is None]
    gathered = _gathered([(file, _parse(file)) for file in images], root)
    if not gathered:
        raise DataError(f"{root}: holds no image; looked for sub-LABEL/[ses-LABEL/]anat/sub-LABEL_SUFFIX.nii.gz")
    _add_labels(gathered, labels)
    return finished_cases(list(gathered.values()), root)


def is_bids(root: Path) -> bool:
    """Whether a folder ``sub-…`` has a volume in ``anat``."""
    return any(is_volume(file) for pattern in _ANAT for file in root.glob(f"{pattern}/sub-*"))


def _anatomical(root: Path) -> list[Path]:
    return [file for pattern in _ANAT for file in sorted(root.glob(f"{pattern}/*")) if is_volume(file)]


def _parse(file: Path) -> _Name | None:
    words = case_name(file).split("_")
    entities = {word.partition("-")[0]: word for word in words[:-1] if "-" in word}
    if "sub" not in entities or len(words) < 2:
        return None
    case = "_".join(entities[key] for key in _CASE_ENTITIES if key in entities)
    rest = "_".join(word for word in words if word not in case.split("_"))
    return _Name(case, entities["sub"], rest)


def _gathered(images: Iterable[tuple[Path, _Name | None]], root: Path) -> dict[str, Gathered]:
    found: dict[str, Gathered] = {}
    strange = []
    for file, name in images:
        if name is None:
            strange.append(file.relative_to(root))
            continue
        derivatives = root / "derivatives" / file.parent.relative_to(root) / f"{name.case}_dseg.nii.gz"
        found.setdefault(name.case, Gathered(name.case, name.subject, expected=derivatives)).add(name.rest, file)
    log_left_out(strange, root, "their names are not sub-LABEL_SUFFIX")
    return found


def _add_labels(gathered: dict[str, Gathered], labels: Iterable[Path]) -> None:
    for file in labels:
        name = _parse(file)
        if name is None or name.case not in gathered:
            raise DataError(f"{file}: a label without an image of the same sub, ses and run; move it away")
        gathered[name.case].labels.append(file)

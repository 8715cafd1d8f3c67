"""What the names of volumes say: which file is a label, and which case and channel an image belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from glob import escape
from pathlib import Path, PurePath

from cladeseg.volumes import case_name, is_dicom_series, is_volume_file

#: Last words of names of labels, in any letter case.
LABEL_WORDS = (
    "seg",
    "dseg",
    "gt",
    "gd",
    "label",
    "labels",
    "mask",
    "manual",
    "segmentation",
    "groundtruth",
    "annotation",
)
_LABEL = re.compile(rf"(?:(?P<case>.*)[_.-])?(?P<word>{'|'.join(LABEL_WORDS)})", re.IGNORECASE)


def label_of(file: str | PurePath) -> str | None:
    """The case that a label's name belongs to, ``""`` if it is called after none; ``None`` if it names no label.

    Example:
        >>> [label_of(file) for file in ("IBSR_01_seg.nii.gz", "Case1_gd.nii.gz", "seg.nii.gz", "IBSR_01.nii.gz")]
        ['IBSR_01', 'Case1', '', None]
    """
    match = _LABEL.fullmatch(case_name(PurePath(file).name))
    return None if match is None else match["case"] or ""


def is_volume(path: Path) -> bool:
    """Whether a path is a file whose name says that it holds a volume, or a folder with a DICOM series.

    Example:
        >>> is_volume(Path("no/such/file.nii.gz"))
        False
    """
    return path.is_file() if is_volume_file(path) and not path.is_dir() else is_dicom_series(path)


def volume_named(folder: Path, stem: str) -> Path | None:
    """The volume of a name without ending, whatever its format; ``None`` if there is none.

    Example:
        >>> volume_named(Path("no/such/folder"), "patient001_frame01") is None
        True
    """
    return next((f for f in sorted(folder.glob(f"{escape(stem)}*")) if case_name(f) == stem and is_volume(f)), None)


def common_stem(files: Sequence[PurePath]) -> tuple[str, tuple[str, ...]]:
    """The case that the files of one image are called after, and what follows in each: its channel.

    Files that share no beginning are called after their folder.  A single file has no channel.

    Example:
        >>> common_stem([PurePath("x/p1_t1.nii.gz"), PurePath("x/p1_t1ce.nii.gz")])
        ('p1', ('t1', 't1ce'))
        >>> common_stem([PurePath("p1/t1.nii.gz"), PurePath("p1/t2.nii.gz")])
        ('p1', ('t1', 't2'))
    """
    stems = [case_name(file.name) for file in files]
    if len(stems) == 1:
        return stems[0], ()
    beginnings = (stems[0][: i + 1] for i, letter in enumerate(stems[0]) if letter in "_-.")
    shared = max((b for b in beginnings if all(stem.startswith(b) for stem in stems)), key=len, default="")
    words = tuple(stem[len(shared) :] for stem in stems)
    name = shared[:-1] or files[0].parent.name or stems[0]
    return name, words if all(words) and len(set(words)) == len(words) else ()

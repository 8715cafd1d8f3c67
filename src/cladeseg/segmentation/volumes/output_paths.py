"""Where a case's files are written: in the folder that was named, and never over the image itself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cladeseg.files import DataError


def output_path(folder: str | Path, case: str, ending: str) -> Path:
    """The file of a case in a folder.

    Raises:
        DataError: the case's name would lead to another folder.

    Example:
        >>> output_path("out", "../scan", ".nii.gz")
        Traceback (most recent call last):
        cladeseg.files.DataError: case '../scan': its file would not lie in out; rename the case
    """
    if not case.strip(". ") or set(case) & set("/\\\0"):
        raise DataError(f"case {case!r}: its file would not lie in {folder}; rename the case")
    return Path(folder) / f"{case}{ending}"


def refuse_source(target: Path, sources: Iterable[Path]) -> None:
    """Refuse to write over an image, whatever path or link leads to it.

    Raises:
        DataError: the file to write is one of the sources.
    """
    for source in sources:
        if target.resolve() == source.resolve() or _is_same_file(target, source):
            raise DataError(f"{target}: is one of the images; choose another folder for the predictions")


def _is_same_file(one: Path, other: Path) -> bool:
    """Also for a second name of one file, which no path shows."""
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there
        return False

"""Where a case's files are written: in the folder that was named, and never over the image itself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cladeseg.files import DataError
from cladeseg.volumes.dicom import dicom_files


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


def refuse_sources(targets: Iterable[Path], sources: Iterable[Path]) -> None:
    """Refuse to write over an image or a slice of a DICOM series, whatever path or link leads to it.

    Raises:
        DataError: a file to write is one of the sources.
    """
    taken = {identity for source in sources for identity in _all_identities(source)}
    for target in targets:
        if taken & _identities(target):
            raise DataError(f"{target}: is one of the images; choose another folder for the predictions")


def _all_identities(source: Path) -> set[Path | tuple[int, int]]:
    slices = dicom_files(source) if source.is_dir() else []
    return _identities(source).union(*map(_identities, slices))


def _identities(path: Path) -> set[Path | tuple[int, int]]:
    """What two names of one file share: the real path, or device and number for a second name that no path shows."""
    real = path.resolve()
    try:
        found = path.stat()
    except OSError:  # it is not there
        return {real}
    return {real, (found.st_dev, found.st_ino)}

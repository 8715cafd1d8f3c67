"""The file formats of volumes, told by their endings."""

from __future__ import annotations

from pathlib import Path

#: Endings of files that hold a volume, the longest first.
ENDINGS = (".nii.gz", ".nii")


def is_volume_file(file: str | Path) -> bool:
    """Whether a file's name says that it holds a volume; hidden files never do.

    Example:
        >>> is_volume_file("scans/a.nii.gz"), is_volume_file("scans/.a.nii.gz"), is_volume_file("scans/a.png")
        (True, False, False)
    """
    name = Path(file).name
    return name.endswith(ENDINGS) and not name.startswith(".")


def case_name(file: str | Path) -> str:
    """Name of a volume's file without folder and ending.

    Example:
        >>> case_name("scans/patient.01.nii.gz")
        'patient.01'
    """
    return Path(file).name.removesuffix(".gz").removesuffix(".nii")

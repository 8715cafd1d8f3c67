"""The file formats of volumes, by the endings of their names."""

from __future__ import annotations

from pathlib import Path

from cladeseg.files import DataError

#: Format → endings of its files in small letters; the first is the one that we write.
FORMATS: dict[str, tuple[str, ...]] = {
    "nifti": (".nii.gz", ".nii"),
    "nrrd": (".nrrd", ".nhdr"),
    "mha": (".mha", ".mhd"),
    "mgh": (".mgz", ".mgh.gz", ".mgh"),
}
#: A mask of a DICOM series as DICOM; its maps are NIfTI.
DICOM_SEG = "dicom-seg"
#: Formats that somebody may ask for; ``None`` is the image's own.
OUTPUT_FORMATS = ("nifti", "nrrd", "mha", DICOM_SEG)
ENDINGS = tuple(ending for endings in FORMATS.values() for ending in endings)


def format_of(file: str | Path) -> str | None:
    """The format that a file's name says, in any letter case; ``None`` if it says none that holds a volume.

    Example:
        >>> format_of("SCAN.NII.GZ"), format_of("scan.mhd"), format_of("scan.png")
        ('nifti', 'mha', None)
    """
    name = Path(file).name.lower()
    return next((known for known, endings in FORMATS.items() if name.endswith(endings)), None)


def is_volume_file(file: str | Path) -> bool:
    """Whether a file's name says that it holds a volume; hidden files never do.

    Example:
        >>> is_volume_file("scans/a.nii.gz"), is_volume_file("scans/.a.nii.gz"), is_volume_file("scans/a.png")
        (True, False, False)
    """
    return format_of(file) is not None and not Path(file).name.startswith(".")


def case_name(file: str | Path) -> str:
    """Name of a volume's file without folder and ending, or of a DICOM series' folder.

    Example:
        >>> case_name("scans/patient.01.nii.gz"), case_name("scans/B.NRRD")
        ('patient.01', 'B')
    """
    name = Path(file).name
    lengths = [len(ending) for ending in ENDINGS if name.lower().endswith(ending)]
    return name[: len(name) - max(lengths, default=0)]


def output_ending(image: str | Path, output_format: str | None = None) -> str:
    """Ending of a file that is written on an image's grid: the image's own format where that can be written.

    Args:
        image: the image's file, or the folder of its DICOM series, which gives NIfTI.
        output_format: one of ``OUTPUT_FORMATS``; the image's own if ``None``.

    Raises:
        DataError: no such format, or ``dicom-seg`` for an image that is no DICOM series.

    Example:
        >>> output_ending("a.mhd"), output_ending("a.mhd", "nifti")
        ('.mha', '.nii.gz')
    """
    if output_format is not None and output_format not in OUTPUT_FORMATS:
        raise DataError(f"output_format: '{output_format}' is unknown; known are {', '.join(OUTPUT_FORMATS)}")
    if output_format == DICOM_SEG:
        if not Path(image).is_dir():
            raise DataError(f"{image}: is no DICOM series; the output format 'dicom-seg' is for those alone")
        return ".dcm"
    return FORMATS[output_format or format_of(image) or "nifti"][0]

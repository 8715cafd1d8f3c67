"""A DICOM series: a folder whose files are the slices of one volume.

Slices are sorted by where they lie along the normal of their plane, never by name or number.  Whatever would need a
decision that the files do not hold is refused: several series, a missing slice, slices that are no stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import SimpleITK

from cladeseg.files import DataError
from cladeseg.volumes.grid import Grid
from cladeseg.volumes.itk import LPS_TO_RAS

_MAGIC, _PREAMBLE = b"DICM", 128
#: How a file's head says what it holds, and how those classes begin that are drawn upon slices and are none:
#: segmentations, registrations, surfaces.  The value follows two bytes of length.
_CLASS_TAG, _DRAWN, _HEAD = b"\x02\x00\x02\x00UI", b"1.2.840.10008.5.1.4.1.1.66.", 512
#: Tags by which a series is put together.
_SERIES, _FRAMES, _POSITION, _ORIENTATION = "0020|000e", "0028|0008", "0020|0032", "0020|0037"
_PIXEL_SPACING, _SLICE_SPACING, _THICKNESS = "0028|0030", "0018|0088", "0018|0050"
#: Share of the distance of slices by which a slice may lie off its place: positions are written with few digits.
_TOLERANCE, _ANGLE = 0.02, 1e-3


@dataclass(frozen=True)
class _Slice:
    """One file: its place in LPS mm and what it says about itself."""

    path: Path
    series: str
    size: tuple[int, ...]
    position: np.ndarray
    axes: np.ndarray  # (2, 3): along a row, along a column
    spacing: np.ndarray  # (2,): along a row, along a column
    thickness: float
    dtype: int


def is_dicom_file(path: Path) -> bool:
    """Whether a file begins as those of DICOM series do; a folder's index (DICOMDIR) and a segmentation do not."""
    if path.name.upper() == "DICOMDIR" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)[_PREAMBLE:]
    _, _, said = head.partition(_CLASS_TAG)
    return head.startswith(_MAGIC) and not said[2:].startswith(_DRAWN)


def dicom_files(folder: Path) -> list[Path]:
    """The DICOM files of a folder by their names."""
    return [file for file in sorted(folder.iterdir()) if is_dicom_file(file)]


def is_dicom_series(folder: str | Path) -> bool:
    """Whether a folder holds a DICOM file."""
    return Path(folder).is_dir() and any(is_dicom_file(file) for file in sorted(Path(folder).iterdir()))


def dicom_grid(folder: Path) -> Grid:
    """Where the series of a folder lies: rows along the first array axis, slices along the third.

    Raises:
        DataError: the folder holds no DICOM image, several series, or slices that are no stack of equal distances; the
            message starts with the folder.
    """
    slices = _sorted_slices(folder)
    first, last = slices[0], slices[-1]
    affine = np.eye(4)
    affine[:3, :2] = (first.axes * first.spacing[:, None]).T
    affine[:3, 2] = _step(folder, first, last, len(slices))
    affine[:3, 3] = first.position
    dtype = SimpleITK.GetArrayFromImage(SimpleITK.Image([1, 1], first.dtype)).dtype
    files = tuple(one.path for one in slices)
    return Grid(folder, (*first.size, len(slices)), LPS_TO_RAS @ affine, dtype, files)


def dicom_voxels(grid: Grid) -> np.ndarray:
    """Voxels (x, y, z) of a series, each slice with its own rescale slope and intercept.

    Raises:
        DataError: a slice cannot be read; the message names its file.
    """
    planes = []
    for file in grid.header:
        try:
            planes.append(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file))).reshape(grid.shape[1::-1]))
        except (RuntimeError, ValueError) as error:
            raise DataError(f"{file}: this slice cannot be read ({_short(error)})") from error
    return np.stack(planes).transpose(2, 1, 0)


def _sorted_slices(folder: Path) -> list[_Slice]:
    slices = [_read_slice(file) for file in dicom_files(folder)]
    if not slices:
        _refuse(folder, "holds no DICOM image")
    _check_one_series(folder, slices)
    normal = np.cross(*slices[0].axes)
    slices.sort(key=_Along(normal))
    _check_stack(folder, slices, normal)
    return slices


class _Along:
    """How far a slice lies along the normal of its plane."""

    def __init__(self, normal: np.ndarray) -> None:
        self.normal = normal

    def __call__(self, one: _Slice) -> float:
        return float(one.position @ self.normal)


def _read_slice(file: Path) -> _Slice:
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(file))
    try:
        reader.ReadImageInformation()
        tags = {key: reader.GetMetaData(key).strip() for key in reader.GetMetaDataKeys()}
        _check_slice(file, tags, reader.GetNumberOfComponents())
        return _Slice(
            path=file,
            series=tags.get(_SERIES, ""),
            size=reader.GetSize()[:2],
            position=_numbers(tags[_POSITION], 3),
            axes=_numbers(tags[_ORIENTATION], 6).reshape(2, 3),
            spacing=_numbers(tags[_PIXEL_SPACING], 2)[::-1],  # the tag gives the distance of rows first
            thickness=float(tags.get(_THICKNESS) or tags.get(_SLICE_SPACING) or 0),
            dtype=reader.GetPixelID(),
        )
    except (RuntimeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file}: cannot be read as a DICOM image ({_short(error)})") from error


def _check_slice(file: Path, tags: dict[str, str], components: int) -> None:
    if int(tags.get(_FRAMES) or 1) > 1:
        raise DataError(f"{file}: holds several frames in one DICOM file; convert it to NIfTI or NRRD")
    if components > 1:
        raise DataError(f"{file}: holds colours where one number per voxel is needed")
    missing = [tag for tag in (_POSITION, _ORIENTATION, _PIXEL_SPACING) if not tags.get(tag)]
    if missing:
        raise DataError(f"{file}: does not say where it lies (DICOM tag {missing[0].replace('|', ',')} is missing)")


def _check_one_series(folder: Path, slices: Sequence[_Slice]) -> None:
    series = sorted({one.series for one in slices})
    if len(series) > 1:
        _refuse(folder, f"holds {len(series)} DICOM series ({series[0]}, {series[1]} …); one folder for each")
    first = slices[0]
    for one in slices:
        if np.abs(one.axes - first.axes).max() > _ANGLE:
            _refuse(folder, f"its slices are not parallel ({first.path.name}, {one.path.name})")
        if one.size != first.size or not np.allclose(one.spacing, first.spacing, rtol=1e-3):
            _refuse(folder, f"its slices differ in size or pixel spacing ({first.path.name}, {one.path.name})")


def _check_stack(folder: Path, slices: Sequence[_Slice], normal: np.ndarray) -> None:
    if len(slices) == 1:
        return
    positions = np.array([one.position for one in slices])
    gaps = np.diff(positions @ normal)
    step = float(np.median(gaps))
    if gaps.min() <= 1e-4:
        i = int(gaps.argmin())
        _refuse(folder, f"two slices lie in one place ({slices[i].path.name}, {slices[i + 1].path.name})")
    if np.abs(gaps - step).max() > max(_TOLERANCE * step, 1e-2):
        i = int(np.abs(gaps - step).argmax())
        _refuse(
            folder,
            f"its slices are {step:.4g} mm apart, but {gaps[i]:.4g} mm between {slices[i].path.name} and "
            f"{slices[i + 1].path.name}; a slice is missing, or the distance changes",
        )
    drift = positions[-1] - positions[0]
    if np.linalg.norm(drift - (drift @ normal) * normal) > max(_TOLERANCE * step, 1e-2) * len(slices):
        _refuse(folder, "its slices are not stacked along their normal (a tilted gantry); resample it to a plain grid")


def _step(folder: Path, first: _Slice, last: _Slice, count: int) -> np.ndarray:
    """From one slice to the next, in LPS mm."""
    if count > 1:
        return (last.position - first.position) / (count - 1)
    if first.thickness <= 0:
        _refuse(folder, "holds one slice that does not say how thick it is")
    return np.cross(*first.axes) * first.thickness


def _numbers(text: str, count: int) -> np.ndarray:
    numbers = np.array([float(part) for part in text.split("\\")])
    if len(numbers) != count:
        raise ValueError(f"'{text}' are not {count} numbers")
    return numbers


def _refuse(folder: Path, why: str) -> NoReturn:
    raise DataError(f"{folder}: {why}")


def _short(error: Exception) -> str:
    """ITK's account of an error without the place in its source."""
    return str(error).strip().rsplit("\n", maxsplit=1)[-1].rsplit("): ", maxsplit=1)[-1]

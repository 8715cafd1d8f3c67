"""Reads one picture: PNG, JPEG, TIFF or OME-TIFF, of any number of channels, 8 or 16 bits or floating point."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

from cladeseg.files import DataError

TIFF = (".tif", ".tiff")
SUFFIXES = (".png", ".jpg", ".jpeg", *TIFF)
#: Axes over which the brightest value is taken: a stack of planes becomes one.
_PROJECTED = "ZQI"
_CHANNELS = "CS"
#: Pillow's modes that are no plain channels → those that they are read as.
_PLAIN_MODES = {"P": "RGB", "PA": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "1": "L", "LA": "L"}


def read_picture(path: str | Path) -> np.ndarray:
    """A picture as float32 (rows, columns, channels); integers are divided by their type's maximum.

    Planes of a stack are projected to their maximum.

    Raises:
        DataError: the file cannot be read, holds a time series, has no pixels or a value that is not finite.
    """
    path = Path(path)
    try:
        pixels = _read_tiff(path) if path.suffix.lower() in TIFF else _read_other(path)
    except (OSError, ValueError, UnidentifiedImageError, tifffile.TiffFileError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: cannot be read as a picture ({error})") from error
    if not pixels.size:
        raise DataError(f"{path}: has no pixels; remove it")
    scale = 1.0 if pixels.dtype.kind == "f" else float(_maximum(pixels.dtype))
    scaled = pixels.astype(np.float32) / np.float32(scale)
    if not np.isfinite(scaled).all():
        raise DataError(f"{path}: has values that are not finite; replace them or remove the picture")
    return scaled


def _maximum(kind: np.dtype) -> int:
    return 1 if kind.kind == "b" else int(np.iinfo(kind).max)


def _read_other(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        plain = _PLAIN_MODES.get(file.mode)
        pixels, mode = np.asarray(file if plain is None else file.convert(plain)), file.mode
    if mode in ("I", "I;16") and pixels.dtype.itemsize > 2:
        pixels = pixels.astype(np.uint16)  # what Pillow opens so was written with 16 bits
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = pixels[..., :3]  # transparency is no channel
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _read_tiff(path: Path) -> np.ndarray:
    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        pixels, axes = series.asarray(), series.axes
    return to_channels_last(pixels, axes, path)


def to_channels_last(pixels: np.ndarray, axes: str, path: str | Path = "picture") -> np.ndarray:
    """Bring a picture with named axes, e.g. ``"CZYX"``, to (rows, columns, channels).

    Raises:
        DataError: it has no rows or columns, or several points in time.

    Examples:
        >>> to_channels_last(np.zeros((2, 5, 4, 3)), "CZYX").shape
        (4, 3, 2)
    """
    if not {"Y", "X"} <= set(axes):
        raise DataError(f"{path}: has the axes {axes}; a picture needs Y and X")
    for axis in [one for one in axes if one not in "YX" + _CHANNELS]:
        at = axes.index(axis)
        if axis not in _PROJECTED and pixels.shape[at] > 1:
            raise DataError(f"{path}: has {pixels.shape[at]} positions along axis {axis}; store one picture a file")
        pixels, axes = pixels.max(axis=at), axes.replace(axis, "", 1)
    order = [axes.index("Y"), axes.index("X"), *(at for at, axis in enumerate(axes) if axis in _CHANNELS)]
    pixels = pixels.transpose(order)
    return pixels.reshape(*pixels.shape[:2], -1)

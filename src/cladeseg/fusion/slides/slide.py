"""A whole slide, opened by one of MONAI's readers, with pixels asked for in µm per pixel."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from monai.data.wsi_reader import WSIReader
from PIL import Image

from cladeseg.files import DataError, one_line

logger = logging.getLogger(__name__)

#: MONAI's readers, the one that knows most formats first, and the package that each needs.
READERS = {"openslide": "openslide", "cucim": "cucim", "tifffile": "tifffile"}
#: What a light microscope resolves; other values are those of a printer or a default, not of a scanner.
_PLAUSIBLE_MICRONS = (0.05, 20.0)
#: MONAI reads whole levels with tifffile; a level larger than this wants OpenSlide.
_WHOLE_LEVEL_BYTES = 4 << 30
#: Levels whose two downsamplings differ by more are no levels but labels and overview pictures.
_SAME_SHAPE = 0.02


@dataclass
class Slide:
    """An open slide.

    Attributes:
        path: its file.
        backend: the reader in use.
        width: of the finest level in pixels.
        height: of the finest level in pixels.
        microns_per_pixel: of the finest level.
    """

    path: Path
    backend: str
    width: int
    height: int
    microns_per_pixel: float
    _reader: WSIReader = field(repr=False)
    _handle: Any = field(repr=False)
    _downsamples: tuple[float, ...] = field(repr=False)
    _whole: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    def region(self, x: float, y: float, *, microns: float, pixels: int) -> np.ndarray:
        """A square as (pixels, pixels, 3) uint8.

        Args:
            x: of its upper left corner in pixels of the finest level.
            y: the same downwards.
            microns: its edge in µm.
            pixels: its edge in pixels of the result.

        Raises:
            DataError: the file is damaged there.
        """
        wanted = microns / self.microns_per_pixel / pixels
        level = self._level(wanted)
        edge = max(1, round(pixels * wanted / self._downsamples[level]))
        patch = self._read(level, (round(y), round(x)), (edge, edge))
        return _resized(patch, (pixels, pixels))

    def thumbnail(self, *, microns_per_pixel: float = 16.0, longest: int = 2048) -> np.ndarray:
        """The whole slide as (H, W, 3) uint8, at this resolution, or at a coarser one if it exceeds ``longest``."""
        scale = max(microns_per_pixel / self.microns_per_pixel, max(self.width, self.height) / longest, 1.0)
        level = self._level(scale)
        ratio = self._downsamples[level]
        whole = self._read(level, (0, 0), (round(self.height / ratio), round(self.width / ratio)))
        return _resized(whole, (max(1, round(self.height / scale)), max(1, round(self.width / scale))))

    def _level(self, downsample: float) -> int:
        """The coarsest level that is at least as fine."""
        fitting = [level for level, ratio in enumerate(self._downsamples) if ratio <= downsample * 1.01]
        return fitting[-1] if fitting else 0

    def _read(self, level: int, location: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
        try:
            if self.backend == "tifffile":
                return self._cropped(level, location, size)
            patch, _ = self._reader.get_data(self._handle, location=location, size=size, level=level)
        except Exception as error:
            raise DataError(f"{self.path}: is damaged at pixel {location[::-1]} ({_line(error)})") from error
        return np.moveaxis(np.asarray(patch), 0, -1)

    def _cropped(self, level: int, location: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
        """MONAI decodes the whole level for every patch with tifffile, so it is asked once."""
        if level not in self._whole:
            data, _ = self._reader.get_data(self._handle, level=level)
            self._whole[level] = np.moveaxis(np.asarray(data), 0, -1)
        top, left = (round(value / self._downsamples[level]) for value in location)
        patch = self._whole[level][top : top + size[0], left : left + size[1]]
        missing = (size[0] - patch.shape[0], size[1] - patch.shape[1])
        return np.pad(patch, ((0, missing[0]), (0, missing[1]), (0, 0)), constant_values=255)


@contextmanager
def open_slide(path: str | Path, *, reader: str = "auto", microns_per_pixel: float | None = None) -> Iterator[Slide]:
    """Open a slide; it is closed at the end of the ``with``.

    Args:
        path: the file.
        reader: ``openslide``, ``cucim`` or ``tifffile``; ``auto`` takes the first that is installed and opens it.
        microns_per_pixel: of the finest level, where the scanner did not write it.

    Raises:
        DataError: no reader opens it, or its resolution is not known; the message names the slide and the way out.
    """
    path = Path(path)
    backend, wsi, handle = _opened(path, reader)
    try:
        yield _slide(path, backend, wsi, handle, microns_per_pixel)
    finally:
        if hasattr(handle, "close"):
            handle.close()


def _opened(path: Path, reader: str) -> tuple[str, WSIReader, Any]:
    if not path.is_file():
        raise DataError(f"{path}: is not there")
    wanted = list(READERS) if reader == "auto" else [reader]
    installed = [name for name in wanted if find_spec(READERS[name])]
    if not installed:
        raise DataError(
            f"{path}: reader '{reader}' is not installed; pip install 'cladeseg[fusion]', or set reader to auto"
        )
    causes = []
    for backend in installed:
        try:
            wsi = WSIReader(backend)
            handle = wsi.read(path)
            wsi.get_size(handle, 0)
        except Exception as error:  # noqa: BLE001 - each library raises its own
            causes.append(f"{backend}: {_line(error)}")
        else:
            return backend, wsi, handle
    raise DataError(f"{path}: is no slide that can be opened ({'; '.join(causes)})")


def _slide(path: Path, backend: str, wsi: WSIReader, handle: Any, given: float | None) -> Slide:
    height, width = wsi.get_size(handle, 0)
    if backend == "tifffile" and height * width * 3 > _WHOLE_LEVEL_BYTES:
        raise DataError(f"{path}: has {width} × {height} pixels, too many for tifffile; pip install 'cladeseg[fusion]'")
    microns = _microns(path, wsi, handle) if given is None else given
    return Slide(path, backend, width, height, microns, wsi, handle, _downsamples(backend, wsi, handle))


def _microns(path: Path, wsi: WSIReader, handle: Any) -> float:
    """Resolution of the finest level in µm per pixel, as the scanner wrote it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # MONAI only warns where the unit is missing, and takes µm for it
            found = [float(value) for value in wsi.get_mpp(handle, 0)]
    except Exception as error:
        raise _unknown_resolution(path, f"its scanner's resolution is missing ({_line(error)})") from error
    low, high = _PLAUSIBLE_MICRONS
    if not all(low <= value <= high for value in found) or max(found) > 1.05 * min(found):
        shown = " × ".join(f"{value:.4g}" for value in found)
        raise _unknown_resolution(path, f"says {shown} µm per pixel, which no scanner of slides has")
    return sum(found) / 2


def _unknown_resolution(path: Path, reason: str) -> DataError:
    return DataError(f"{path}: {reason}; give it with slide_microns_per_pixel")


def _downsamples(backend: str, wsi: WSIReader, handle: Any) -> tuple[float, ...]:
    """Of the levels that belong to the pyramid."""
    height, width = wsi.get_size(handle, 0)
    found: list[float] = []
    for level in range(wsi.get_level_count(handle)):
        rows, columns = wsi.get_size(handle, level)
        if backend == "tifffile" and not _is_level(handle, level, (rows, columns)):
            break
        down, across = height / rows, width / columns
        if abs(down / across - 1) > _SAME_SHAPE or (found and down <= found[-1]):
            break
        found.append((down + across) / 2)
    return tuple(found)


def _is_level(handle: Any, level: int, shape: tuple[int, int]) -> bool:
    """MONAI takes a level's size from the file's page, its pixels from the series, where overviews are no pages."""
    levels = handle.series[0].levels
    return level < len(levels) and tuple(levels[level].shape[:2]) == shape


def _resized(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    if image.shape[:2] == shape:
        return np.ascontiguousarray(image)
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize(shape[::-1], Image.Resampling.BOX))


def _line(error: BaseException) -> str:
    return one_line(error, 160) or type(error).__name__

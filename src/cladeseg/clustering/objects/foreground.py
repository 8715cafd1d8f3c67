"""Finds the object of a picture: what differs from the picture's border."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import ndimage
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label

from cladeseg.files import DataError, check_choice

ObjectArea = Literal["found", "whole"]
_SMALLEST = 12  # pixels of an object


def find_object(picture: np.ndarray, *, area: ObjectArea = "found", name: str = "picture") -> np.ndarray:
    """Mask of the object in a picture.

    The background is what the border shows; a bright or a dark one will do.  Otsu's threshold on the distance to it
    separates the object, of which the largest connected part is kept, with its holes filled.

    Args:
        picture: float (rows, columns, channels).
        area: ``"whole"`` takes every pixel.
        name: what the message begins with.

    Returns:
        bool (rows, columns).

    Raises:
        DataError: the picture is of one colour, or no object is found.
    """
    check_choice("area", area, ("found", "whole"))
    if np.ptp(picture.reshape(-1, picture.shape[2]), axis=0).max() <= 0:
        raise DataError(f"{name}: is empty, all pixels are equal; remove it")
    if area == "whole":
        return np.ones(picture.shape[:2], dtype=bool)
    distance = _from_background(picture)
    parts = label(distance > threshold_otsu(distance))
    sizes = np.bincount(parts.ravel())[1:]
    if not sizes.size or sizes.max() < _SMALLEST:
        raise DataError(f"{name}: no object is found; set objects.area to whole, or remove it")
    return np.asarray(ndimage.binary_fill_holes(parts == 1 + int(sizes.argmax())))


def _from_background(picture: np.ndarray) -> np.ndarray:
    """Distance of each pixel's colour to that of the border, each channel in its own spread; (rows, columns)."""
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    smooth = gaussian(picture, sigma=max(picture.shape[:2]) / 64, channel_axis=2)
    spread = np.maximum(picture.reshape(-1, picture.shape[2]).std(axis=0), 1e-6)
    return np.linalg.norm((smooth - np.median(border, axis=0)) / spread, axis=2)


def polar_frame(mask: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre of a mask (row, column), and the longest distance from it to the boundary, in pixels.

    Examples:
        >>> centre, longest = polar_frame(np.ones((3, 3), dtype=bool))
        >>> centre.tolist(), round(longest, 3)
        ([1.0, 1.0], 1.414)
    """
    pixels = np.argwhere(mask)
    centre = pixels.mean(axis=0)
    return centre, max(float(np.linalg.norm(pixels - centre, axis=1).max()), 1.0)

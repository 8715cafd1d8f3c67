"""One case as pictures: image, truth, prediction and error, side by side, in the proportions that the body has."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.segmentation import find_boundaries

from cladeseg.taxonomy import Taxonomy

#: Name of each kind of error → its colour; distinct with any colour vision (Okabe & Ito 2008).
ERRORS = {"missed": "#56b4e9", "spurious": "#e69f00", "another structure": "#cc79a7"}
_PIXELS = 300  # of a picture's longer side
_PLANES = ("sagittal", "coronal", "axial")
_BARS_MM = (200, 100, 50, 20, 10, 5, 2, 1)


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        name: what it shows.
        webp: its bytes.
        alt: for readers who see no picture.
    """

    name: str
    webp: bytes
    alt: str


def slice_axis(spacing: Sequence[float]) -> int:
    """The axis (0, 1, 2) of an RAS volume that slices are taken along: that of thick slices, else from foot to head.

    Example:
        >>> slice_axis((1.0, 1.0, 1.0)), slice_axis((8.0, 1.0, 1.0))
        (2, 0)
    """
    thickest = int(np.argmax(spacing))
    return thickest if spacing[thickest] > 2 * min(spacing) else 2


def case_slices(
    image: np.ndarray,
    prediction: np.ndarray,
    taxonomy: Taxonomy,
    *,
    spacing: Sequence[float],
    truth: np.ndarray | None = None,
    slices: int = 3,
    uncertainty: np.ndarray | None = None,
) -> list[list[Panel]]:
    """Rows of pictures, one for each of a few slices.

    The slices are spread evenly over those that hold a structure.

    Args:
        image: uint8 (x, y, z) in RAS order.
        prediction: (x, y, z) node indices.
        taxonomy: gives names and colours.
        spacing: mm of a voxel along x, y, z.
        truth: (x, y, z) node indices; without it there are no pictures of truth and error.
        slices: their number.
        uncertainty: uint8 (x, y, z); shown if there is no truth.
    """
    axis = slice_axis(spacing)
    held = _structure(prediction, taxonomy) | (False if truth is None else _structure(truth, taxonomy))
    rows = []
    for level in _levels(held, axis, slices):
        size = _size(image.shape, spacing, axis)
        cut = [None if v is None else _upright(v, axis, level) for v in (image, truth, prediction, uncertainty)]
        where = f"{_PLANES[axis]} slice {level + 1} of {image.shape[axis]}"
        rows.append(_row(cut, taxonomy, size, where))
    return rows


def _row(cut: Sequence[np.ndarray | None], taxonomy: Taxonomy, size: tuple[int, int, float], where: str) -> list[Panel]:
    image, truth, prediction, uncertainty = cut
    if image is None or prediction is None:
        raise ValueError("image and prediction are needed")
    grey = np.repeat(_resized(image, size, Image.Resampling.BILINEAR)[..., None], 3, axis=2)
    found = _resized(prediction, size)
    painted = {"prediction": _painted(grey, found, taxonomy)}
    if truth is not None:
        true = _resized(truth, size)
        painted = {"truth": _painted(grey, true, taxonomy), **painted, "error": _errors(grey, true, found, taxonomy)}
    elif uncertainty is not None:
        painted["uncertainty"] = _heated(grey, _resized(uncertainty, size))
    panels = {"image": grey, **painted}
    return [Panel(name, _encoded(picture, size[2]), f"{name}, {where}") for name, picture in panels.items()]


def _structure(nodes: np.ndarray, taxonomy: Taxonomy) -> np.ndarray:
    return (nodes != taxonomy.background) & (nodes != taxonomy.root)


def _levels(held: np.ndarray, axis: int, slices: int) -> list[int]:
    levels = np.flatnonzero(held.any(axis=tuple(a for a in range(3) if a != axis)))
    levels = levels if levels.size else np.arange(held.shape[axis])
    positions = (np.arange(min(slices, len(levels))) + 0.5) * len(levels) / min(slices, len(levels))
    return levels[positions.astype(int)].tolist()


def _upright(volume: np.ndarray, axis: int, level: int) -> np.ndarray:
    """Slice (rows, columns) of an RAS volume: superior or anterior at the top, the patient's left on the left."""
    return np.take(volume, level, axis=axis).T[::-1]


def _size(shape: Sequence[int], spacing: Sequence[float], axis: int) -> tuple[int, int, float]:
    """Width and height in pixels, and pixels per mm."""
    across, up = (a for a in range(3) if a != axis)
    mm = shape[across] * spacing[across], shape[up] * spacing[up]
    scale = _PIXELS / max(mm)
    return max(1, round(mm[0] * scale)), max(1, round(mm[1] * scale)), scale


def _resized(
    picture: np.ndarray, size: tuple[int, int, float], how: Image.Resampling = Image.Resampling.NEAREST
) -> np.ndarray:
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture.astype(np.uint8))).resize(size[:2], how))


def _painted(grey: np.ndarray, nodes: np.ndarray, taxonomy: Taxonomy) -> np.ndarray:
    """Colours of the structures, faint inside and full at their borders."""
    shown = _structure(nodes, taxonomy)
    colours = taxonomy.colours[nodes].astype(float)
    weight = np.where(find_boundaries(nodes, mode="inner"), 1.0, 0.4)[..., None] * shown[..., None]
    return np.rint(grey * (1 - weight) + colours * weight).astype(np.uint8)


def _errors(grey: np.ndarray, truth: np.ndarray, found: np.ndarray, taxonomy: Taxonomy) -> np.ndarray:
    true, said = _structure(truth, taxonomy), _structure(found, taxonomy)
    known = truth != taxonomy.root
    vague = ~taxonomy.contains.numpy()[truth, found]  # what a coarse truth leaves open is no error
    kinds = (true & ~said & known, said & ~true & known, true & said & vague)
    picture = grey * 0.75
    for where, colour in zip(kinds, ERRORS.values(), strict=True):
        picture[where] = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.rint(picture).astype(np.uint8)


def _heated(grey: np.ndarray, uncertainty: np.ndarray) -> np.ndarray:
    weight = (uncertainty / 255.0)[..., None]
    return np.rint(grey * (1 - weight) + np.array([230.0, 159.0, 0.0]) * weight).astype(np.uint8)


def _encoded(picture: np.ndarray, pixels_per_mm: float) -> bytes:
    drawn = Image.fromarray(picture)
    _draw_scale(drawn, pixels_per_mm)
    target = io.BytesIO()
    drawn.save(target, format="WEBP", lossless=True)
    return target.getvalue()


def _draw_scale(picture: Image.Image, pixels_per_mm: float) -> None:
    """A bar of a round length in the lower left, white with a black border."""
    mm = next((mm for mm in _BARS_MM if mm * pixels_per_mm <= picture.width * 0.4), 1)
    length, y = mm * pixels_per_mm, picture.height - 8
    draw = ImageDraw.Draw(picture)
    draw.rectangle((7, y - 2, 9 + length, y + 2), fill="black")
    draw.rectangle((8, y - 1, 8 + length, y + 1), fill="white")
    font = ImageFont.load_default(13)
    draw.text((8, y - 18), f"{mm} mm", fill="white", stroke_width=2, stroke_fill="black", font=font)

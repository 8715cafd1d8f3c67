"""One case as pictures: image, truth, prediction and error, side by side, in the proportions that the body has."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.segmentation import find_boundaries

from cladeseg.report.palette import structure_colours
from cladeseg.taxonomy import Taxonomy

#: Name of each kind of error → its colour; distinct with any colour vision (Okabe & Ito 2008).
ERRORS = {"missed": "#56b4e9", "spurious": "#e69f00", "another structure": "#cc79a7"}
_PIXELS = 300  # of a picture's longer side
_PLANES = ("sagittal", "coronal", "axial")
_EDGES = (("A", "S"), ("R", "S"), ("R", "A"))  # of a slice in each plane: what its left and its upper edge point to
_BARS_MM = (200, 100, 50, 20, 10, 5, 2, 1)


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        name: what it shows.
        picture: uint8 (H, W, 3), with a scale bar.
        alt: for readers who see no picture.
    """

    name: str
    picture: np.ndarray
    alt: str

    @property
    def webp(self) -> bytes:
        """The picture as a file, without loss; at Pillow's own effort, 15 % smaller, it takes most of an evaluation."""
        target = io.BytesIO()
        Image.fromarray(self.picture).save(target, format="WEBP", lossless=True, method=2, quality=20)
        return target.getvalue()


def slice_axis(spacing: Sequence[float]) -> int:
    """The axis (0, 1, 2) of an RAS volume that slices are taken along: that of thick slices, else from foot to head.

    Example:
        >>> slice_axis((1.0, 1.0, 1.0)), slice_axis((8.0, 1.0, 1.0))
        (2, 0)
    """
    thickest = int(np.argmax(spacing))
    return thickest if spacing[thickest] > 2 * min(spacing) else 2


def shades(image: np.ndarray) -> np.ndarray:
    """uint8 shades of grey, from the 1st to the 99th percentile of the intensities; a constant image is black.

    Example:
        >>> shades(np.arange(101.0))[[0, 50, 100]].tolist()
        [0, 128, 255]
    """
    low, high = np.percentile(image, [1, 99])
    scaled = (image.astype(np.float32) - low) / (high - low) if high > low else np.zeros(image.shape, np.float32)
    return np.rint(255 * np.clip(scaled, 0, 1)).astype(np.uint8)


def case_slices(
    image: np.ndarray,
    prediction: np.ndarray,
    taxonomy: Taxonomy,
    *,
    spacing: Sequence[float],
    truth: np.ndarray | None = None,
    slices: int = 3,
    uncertainty: np.ndarray | None = None,
    fill: float = 0.4,
) -> list[list[Panel]]:
    """Rows of pictures, one for each of a few slices.

    The slices are spread evenly over those that hold a structure, and stand as radiologists hold them: the patient's
    right on the viewer's left. Letters at the edges of the image say so.

    Args:
        image: uint8 (x, y, z) in RAS order.
        prediction: (x, y, z) node indices.
        taxonomy: the label tree; :func:`~cladeseg.report.structure_colours` gives its colours.
        spacing: mm of a voxel along x, y, z.
        truth: (x, y, z) node indices; without it there are no pictures of truth and error.
        slices: their number.
        uncertainty: uint8 (x, y, z); shown if there is no truth.
        fill: weight of a structure's colour inside its border, 0 to 1.
    """
    axis = slice_axis(spacing)
    held = _structure(prediction, taxonomy) | (False if truth is None else _structure(truth, taxonomy))
    rows = []
    for level in _levels(held, axis, slices):
        size = _size(image.shape, spacing, axis)
        cut = [None if v is None else _upright(v, axis, level) for v in (image, truth, prediction, uncertainty)]
        where = f"{_PLANES[axis]} slice {level + 1} of {image.shape[axis]}"
        rows.append(_row(cut, taxonomy, size, where=where, edges=_EDGES[axis], fill=fill))
    return rows


def _row(
    cut: Sequence[np.ndarray | None],
    taxonomy: Taxonomy,
    size: tuple[int, int, float],
    *,
    where: str,
    edges: tuple[str, str],
    fill: float,
) -> list[Panel]:
    image, truth, prediction, uncertainty = cut
    if image is None or prediction is None:
        raise ValueError("image and prediction are needed")
    grey = np.repeat(_resized(image, size, Image.Resampling.BILINEAR)[..., None], 3, axis=2)
    found = _resized(prediction, size)
    painted = {"prediction": _painted(grey, found, taxonomy, fill)}
    if truth is not None:
        true = _resized(truth, size)
        painted = {
            "truth": _painted(grey, true, taxonomy, fill),
            **painted,
            "error": _errors(grey, true, found, taxonomy),
        }
    elif uncertainty is not None:
        painted["uncertainty"] = _heated(grey, _resized(uncertainty, size))
    panels = {"image": _with_edges(grey, edges), **painted}
    return [Panel(name, _with_scale(picture, size[2]), f"{name}, {where}") for name, picture in panels.items()]


def contact_sheet(rows: Sequence[Sequence[Panel]]) -> np.ndarray:
    """All pictures of :func:`case_slices` in one, uint8 (H, W, 3), for whatever shows one picture alone.

    Args:
        rows: of equal numbers of pictures of one size.
    """
    return np.concatenate([np.concatenate([panel.picture for panel in row], axis=1) for row in rows], axis=0)


def _structure(nodes: np.ndarray, taxonomy: Taxonomy) -> np.ndarray:
    return (nodes != taxonomy.background) & (nodes != taxonomy.root)


def _levels(held: np.ndarray, axis: int, slices: int) -> list[int]:
    levels = np.flatnonzero(held.any(axis=tuple(a for a in range(3) if a != axis)))
    levels = levels if levels.size else np.arange(held.shape[axis])
    positions = (np.arange(min(slices, len(levels))) + 0.5) * len(levels) / min(slices, len(levels))
    return levels[positions.astype(int)].tolist()


def _upright(volume: np.ndarray, axis: int, level: int) -> np.ndarray:
    """Slice (rows, columns) of an RAS volume, its upper or front side at the top, its right or front on the left."""
    return np.take(volume, level, axis=axis).T[::-1, ::-1]


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


def _painted(grey: np.ndarray, nodes: np.ndarray, taxonomy: Taxonomy, fill: float) -> np.ndarray:
    """Colours of the structures, faint inside and full at their borders."""
    shown = _structure(nodes, taxonomy)
    colours = structure_colours(taxonomy)[nodes].astype(float)
    weight = np.where(find_boundaries(nodes, mode="inner"), 1.0, fill)[..., None] * shown[..., None]
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


def _with_scale(picture: np.ndarray, pixels_per_mm: float) -> np.ndarray:
    drawn = Image.fromarray(picture)
    _draw_scale(drawn, pixels_per_mm)
    return np.asarray(drawn)


def _with_edges(picture: np.ndarray, edges: tuple[str, str]) -> np.ndarray:
    """With the letters of the body's directions in the middle of the left and of the upper edge."""
    drawn = Image.fromarray(picture)
    draw = ImageDraw.Draw(drawn)
    _draw_text(draw, (4, drawn.height // 2), edges[0], anchor="lm")
    _draw_text(draw, (drawn.width // 2, 2), edges[1], anchor="ma")
    return np.asarray(drawn)


def _draw_scale(picture: Image.Image, pixels_per_mm: float) -> None:
    """A bar of a round length in the lower left, white with a black border."""
    mm = next((mm for mm in _BARS_MM if mm * pixels_per_mm <= picture.width * 0.4), 1)
    length, y = mm * pixels_per_mm, picture.height - 8
    draw = ImageDraw.Draw(picture)
    draw.rectangle((7, y - 2, 9 + length, y + 2), fill="black")
    draw.rectangle((8, y - 1, 8 + length, y + 1), fill="white")
    _draw_text(draw, (8, y - 18), f"{mm} mm", anchor="la")


def _draw_text(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, *, anchor: str) -> None:
    """White with a black border, whatever is below."""
    font = ImageFont.load_default(13)
    draw.text(place, text, fill="white", stroke_width=2, stroke_fill="black", font=font, anchor=anchor)

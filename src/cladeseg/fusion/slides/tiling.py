"""A slide's tissue as a grid of tiles at one resolution."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_opening

from cladeseg.fusion.slides.slide import Slide
from cladeseg.fusion.slides.tissue import tissue_mask


def tile_corners(slide: Slide, *, microns: float, min_tissue: float) -> tuple[np.ndarray, int]:
    """Upper left corners of tiles that hold tissue, row by row.

    Args:
        slide: an open slide.
        microns: edge of a tile in µm.
        min_tissue: least share of tissue; half of it is enough in the thumbnail, as the tile itself is looked at later.

    Returns:
        (N, 2) int, x and y in pixels of the finest level, and how many tiles of the grid hold too little tissue.
    """
    edge = microns / slide.microns_per_pixel
    columns, rows = int(slide.width // edge), int(slide.height // edge)
    mask = _mask(slide)
    scale = mask.shape[1] / slide.width, mask.shape[0] / slide.height
    shares = np.array([[_share(mask, x * edge, y * edge, edge, scale) for x in range(columns)] for y in range(rows)])
    kept = shares.reshape(rows, columns) > min_tissue / 2
    corners = np.round(np.argwhere(kept)[:, ::-1] * edge).astype(int)
    return corners, int((~kept).sum())


def _mask(slide: Slide) -> np.ndarray:
    """Tissue in the thumbnail, without specks."""
    mask = tissue_mask(slide.thumbnail())
    return binary_opening(mask, np.ones((3, 3))) if min(mask.shape) > 6 else mask


def _share(mask: np.ndarray, x: float, y: float, edge: float, scale: tuple[float, float]) -> float:
    """Share of tissue below a tile."""
    left, top = int(x * scale[0]), int(y * scale[1])
    right, bottom = int(np.ceil((x + edge) * scale[0])), int(np.ceil((y + edge) * scale[1]))
    return float(mask[top:bottom, left:right].mean())

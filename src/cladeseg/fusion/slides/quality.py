"""Whether a tile is worth looking at: it shows tissue, in focus."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.ndimage import laplace

from cladeseg.fusion.slides.tissue import tissue_mask

_GREY = np.array([0.299, 0.587, 0.114])


def tile_fault(image: np.ndarray, *, min_tissue: float, min_sharpness: float) -> Literal["empty", "blurred"] | None:
    """Why a tile is skipped, or nothing.

    Args:
        image: (H, W, 3) uint8.
        min_tissue: least share of tissue.
        min_sharpness: least :func:`sharpness`.
    """
    tissue = tissue_mask(image)
    if tissue.mean() < min_tissue:
        return "empty"
    return "blurred" if sharpness(image, tissue) < min_sharpness else None


def sharpness(image: np.ndarray, where: np.ndarray) -> float:
    """Standard deviation of the Laplacian of the grey level, in grey levels of 0–255; 0 where nothing is asked for.

    Args:
        image: (H, W, 3) uint8.
        where: (H, W) bool, the pixels that count.
    """
    return float(laplace(image @ _GREY)[where].std()) if where.any() else 0.0

"""A phantom brain: cortex with sulci, white matter, ventricles and deep grey matter as a volume of tissues."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from cladeseg.segmentation.phantoms.grid import Grid

#: Extent in mm (x, y, z) of the box that an adult brain fits into; on other grids the brain is scaled to fit.
BOX = (152.0, 186.0, 146.0)


class Tissue(IntEnum):
    """What a voxel consists of; the tumour's tissues come from :mod:`cladeseg.segmentation.phantoms.tumour`."""

    OUTSIDE = 0
    FLUID = 1
    GREY = 2
    WHITE = 3
    DEEP_GREY = 4
    OEDEMA = 5
    NECROSIS = 6
    ENHANCING = 7
    SOLID = 8


def adult_coordinates(grid: Grid) -> tuple[Grid, np.ndarray]:
    """The grid in mm of an adult brain that fills it, and its coordinates (3, X, Y, Z) from the brain's middle."""
    scale = float((grid.extent / np.asarray(BOX)).min())
    sx, sy, sz = (step / scale for step in grid.spacing)
    adult = Grid(grid.shape, (sx, sy, sz))
    return adult, adult.coordinates()


def brain_depth(grid: Grid, where: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Depth (X, Y, Z) below the brain's surface in mm, negative outside; ``where`` (3, X, Y, Z) in mm."""
    x, y, z = where
    narrow = 1 - 0.13 * np.clip(y / 82, -1, 1) ** 3  # the frontal lobes are narrower than the parietal ones
    cerebrum = np.where(z > 0, 60.0, 38.0)  # flat below
    parts = [
        _ellipsoid((x / narrow, y, z), (0, 2, 0), (65, 84, cerebrum)),
        _ellipsoid(where, (0, -46, -36), (48, 30, 24)),
        _ellipsoid(where, (0, -16, -46), (15, 15, 26)),
    ]
    return np.maximum.reduce(parts) + 0.8 * grid.noise(rng, 9.0)


def draw_tissues(grid: Grid, where: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Tissue of each voxel, uint8 (X, Y, Z).

    Args:
        grid: in mm of an adult.
        where: (3, X, Y, Z) coordinates in mm; those of the undeformed brain where a tumour has pushed it aside.
        depth: as from :func:`brain_depth`.
        rng: of folds and sizes.
    """
    x, _, z = where
    tissues = np.where(depth > 0, np.uint8(Tissue.WHITE), np.uint8(Tissue.OUTSIDE))
    folds = np.abs(grid.noise(rng, 7.0))
    near = np.clip(1 - depth / 19, 0, 1)
    midline = np.abs(x) + 2.5 * np.clip(depth - 42, 0, None) + np.where(z > 4, 0, 99)
    inside = depth > 0
    tissues[inside & ((depth < 5) | (folds < 0.62 * near) | (midline < 5.5))] = Tissue.GREY
    tissues[inside & ((folds < 0.26 * near) | (midline < 1.8) | (depth < 1.2))] = Tissue.FLUID
    tissues[inside & _deep_grey(where)] = Tissue.DEEP_GREY
    tissues[inside & _ventricles(where, float(rng.uniform(0.85, 1.3)))] = Tissue.FLUID
    return tissues


def _deep_grey(where: np.ndarray) -> np.ndarray:
    x, y, z = where
    mirrored = np.stack([np.abs(x), y, z])
    thalamus = _ellipsoid(mirrored, (11, -14, 4), (9, 14, 9)) > 0
    return thalamus | (_ellipsoid(mirrored, (25, 6, 2), (6, 18, 11)) > 0)


def _ventricles(where: np.ndarray, size: float) -> np.ndarray:
    """Two lateral ventricles, bowed outwards at the back and at the front, and the third one between the thalami."""
    x, y, z = where
    along = (y - 2) / (38 * min(size, 1.15))
    bow, arch = 7 + 9 * along**2, 17 - 9 * along**2
    lateral = ((np.abs(x) - bow) / (5.5 * size)) ** 2 + ((z - arch) / (8 * size)) ** 2 + along**4 < 1
    return lateral | (_ellipsoid(where, (0, -8, 3), (2.2 * size, 14, 9)) > 0)


def _ellipsoid(where: Sequence[np.ndarray] | np.ndarray, centre: Sequence[float], axes: Sequence[Any]) -> np.ndarray:
    """Approximate depth in mm below an ellipsoid's surface; an axis may vary from voxel to voxel."""
    squares = [((where[i] - centre[i]) / axes[i]) ** 2 for i in range(3)]
    return (1 - np.sqrt(sum(squares))) * min(float(np.min(axis)) for axis in axes)

"""A phantom heart after an infarct: scar in the wall, edema round it, and what three MR sequences show of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum

import numpy as np
from scipy import ndimage

from cladeseg.segmentation.phantoms.heart import (
    LEFT_VENTRICLE,
    MYOCARDIUM,
    RIGHT_VENTRICLE,
    Anatomy,
    cavity_polar,
    draw_anatomy,
    draw_label,
    right_ventricle,
    slice_coordinates,
)


class Tissue(IntEnum):
    """What a voxel consists of."""

    LUNG = 0
    FLESH = 1
    FAT = 2
    RIGHT_WALL = 3
    RIGHT_BLOOD = 4
    LEFT_BLOOD = 5
    NORMAL = 6
    EDEMA = 7
    SCAR = 8


#: Order of the rows of :data:`CONTRAST`, and of the images: cine, late gadolinium enhancement, T2.
SEQUENCES = ("C0", "LGE", "T2")

#: Brightness of each tissue, one number for each of :data:`SEQUENCES`.  Only LGE shows scar, only T2 edema.
CONTRAST: dict[Tissue, tuple[float, float, float]] = {
    Tissue.LUNG: (0.1, 0.08, 0.12),
    Tissue.FLESH: (0.4, 0.35, 0.55),
    Tissue.FAT: (1.15, 0.85, 1.2),
    Tissue.RIGHT_WALL: (0.45, 0.2, 0.45),
    Tissue.RIGHT_BLOOD: (1.0, 0.7, 0.2),
    Tissue.LEFT_BLOOD: (1.0, 0.7, 0.2),
    Tissue.NORMAL: (0.45, 0.15, 0.45),
    Tissue.EDEMA: (0.5, 0.22, 0.95),
    Tissue.SCAR: (0.5, 1.0, 0.85),
}
#: Intensity of a brightness of 1.
_GAINS = (900.0, 500.0, 700.0)


def draw_stack(rng: np.random.Generator, *, shape: Sequence[int], spacing: Sequence[float]) -> Anatomy:
    """Draw a heart whose slices all cut both ventricles or the left one, as in a stack of a few thick slices.

    Args:
        rng: of the anatomy.
        shape: voxels (x, y, slices); in-plane sizes vary by ±10 %.
        spacing: voxel size in mm, same order.
    """
    slices = shape[2]
    anatomy = draw_anatomy(rng, "MINF", shape=shape, spacing=spacing)
    base, apex = -rng.uniform(0.3, 0.9), slices - 1 + rng.uniform(0.3, 0.9)
    return replace(anatomy, shape=(*anatomy.shape[:2], slices), base=float(base), apex=float(apex))


def draw_tissues(anatomy: Anatomy, rng: np.random.Generator, *, scarred: bool = True) -> np.ndarray:
    """Tissue of each voxel, uint8 (X, Y, Z).

    Args:
        anatomy: a heart; the infarct lies where its wall is thin.
        rng: of slice shifts, surroundings and the infarct's extent.
        scarred: whether there is scar inside the edema.
    """
    x, y = slice_coordinates(anatomy, rng)
    label = draw_label(anatomy, x, y)
    tissues = _surroundings(anatomy, x, y, rng)
    tissues[right_ventricle(anatomy, x, y, 0.016 * anatomy.field)] = Tissue.RIGHT_WALL
    for value, tissue in (
        (RIGHT_VENTRICLE, Tissue.RIGHT_BLOOD),
        (LEFT_VENTRICLE, Tissue.LEFT_BLOOD),
        (MYOCARDIUM, Tissue.NORMAL),
    ):
        tissues[label == value] = tissue
    edema, scar = _infarct(anatomy, label, cavity_polar(anatomy, x, y)[1], rng)
    tissues[edema] = Tissue.EDEMA
    if scarred:
        tissues[scar] = Tissue.SCAR
    return tissues


def draw_sequences(anatomy: Anatomy, tissues: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """One int16 image (X, Y, Z) for each of :data:`SEQUENCES`, all on one grid; contrasts and noise are the case's."""
    images = []
    for i, gain in enumerate(_GAINS):
        values = np.array([CONTRAST[tissue][i] for tissue in Tissue]) * rng.uniform(0.93, 1.07, len(Tissue))
        clean = values[tissues] * (1 + 0.05 * _smooth_noise(rng, tissues.shape, 1.5))
        clean = ndimage.gaussian_filter(clean, (0.5, 0.5, 0.0)) * _bias_field(anatomy, rng)
        noise = rng.normal(0.0, rng.uniform(0.03, 0.06), (2, *tissues.shape))
        images.append(np.rint(gain * rng.uniform(0.8, 1.25) * np.hypot(clean + noise[0], noise[1])).astype(np.int16))
    return images


def _infarct(
    anatomy: Anatomy, label: np.ndarray, theta: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Bool (X, Y, Z) of edema with scar, and of scar: a sector of the wall, and a narrower one from the inside out."""
    slices = np.arange(anatomy.shape[2])
    middle = rng.uniform(0, anatomy.shape[2] - 1)
    width = rng.uniform(0.6, 0.9) * (1 - 0.3 * np.abs(slices - middle) / anatomy.shape[2])
    away = np.abs(np.angle(np.exp(1j * (theta + anatomy.angle - anatomy.bump_angle))))
    wall = label == MYOCARDIUM
    plane = anatomy.spacing[:2]
    from_cavity = np.stack(
        [ndimage.distance_transform_edt(label[..., z] != LEFT_VENTRICLE, sampling=plane) for z in slices], axis=-1
    )
    # The innermost voxels count on any grid, however coarse.
    reach = max(rng.uniform(0.4, 0.9) * anatomy.wall, 1.5 * max(plane))
    return wall & (away < 1.7 * width), wall & (away < width) & (from_cavity <= reach)


def _surroundings(anatomy: Anatomy, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lung on the far side of the left ventricle, flesh on the near one, fat between and along the chest wall."""
    u, v = x / anatomy.field, y / anatomy.field
    wavy = 0.06 * _smooth_noise(rng, anatomy.shape, 0.08 * anatomy.field / anatomy.spacing[0])
    tissues = np.full(anatomy.shape, Tissue.LUNG, dtype=np.uint8)
    tissues[v + 0.35 * u + wavy < -0.15] = Tissue.FLESH
    tissues[u + wavy > 0.4] = Tissue.FLESH
    tissues[np.abs(u + wavy - 0.38) < 0.03] = Tissue.FAT
    tissues[np.abs(v + 0.35 * u + wavy + 0.15) < 0.015] = Tissue.FAT
    return tissues


def _bias_field(anatomy: Anatomy, rng: np.random.Generator) -> np.ndarray:
    nx, ny, nz = anatomy.shape
    x, y, _ = np.meshgrid(np.linspace(-1, 1, nx), np.linspace(-1, 1, ny), np.zeros(nz), indexing="ij")
    a, b, c = rng.uniform(-0.2, 0.2, 3)
    return np.exp(a * x + b * y + c * x * y)


def _smooth_noise(rng: np.random.Generator, shape: Sequence[int], sigma: float) -> np.ndarray:
    """Unit-variance noise, smooth within each slice."""
    noise = ndimage.gaussian_filter(rng.standard_normal(tuple(shape)), (sigma, sigma, 0.0))
    return noise / noise.std()

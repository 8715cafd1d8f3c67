"""A phantom hippocampus in T1: thick head, thin body and tail; the border between them is shape, not brightness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from cladeseg.segmentation.phantoms.grid import Grid

#: The integers of the Medical Segmentation Decathlon.
ANTERIOR, POSTERIOR = 1, 2
#: Extent in mm (x, y, z) of the box that a hippocampus is cropped to; on other grids the anatomy is scaled to fit.
BOX = (36.0, 48.0, 32.0)

_FLUID, _GREY, _WHITE, _STEM = 0.15, 0.68, 1.0, 0.93


@dataclass(frozen=True)
class Hippocampus:
    """One hippocampus, lengths in mm.

    Attributes:
        side: 1 if lateral is towards patient right, -1 if towards left.
        length: from the front of the head to the end of the tail, along the axis from anterior to posterior.
        border: where the head ends, as a share of the length.
        head, body: half-width of each.
        rise: how much higher the tail lies than the head.
        turn: rotation (3, 3) of the whole.
    """

    side: float
    length: float
    border: float
    head: float
    body: float
    rise: float
    turn: np.ndarray


def draw_hippocampus(rng: np.random.Generator) -> Hippocampus:
    """Draw a hippocampus of either side."""
    side = float(rng.choice([-1.0, 1.0]))
    return Hippocampus(
        side=side,
        length=float(rng.uniform(35, 40)),
        border=float(rng.uniform(0.34, 0.46)),
        head=float(rng.uniform(6.2, 7.4)),
        body=float(rng.uniform(4.6, 5.3)),
        rise=float(rng.uniform(8, 12)),
        turn=Rotation.from_euler("xyz", rng.uniform(-7, 7, 3), degrees=True).as_matrix(),
    )


def draw_label_and_image(grid: Grid, anatomy: Hippocampus, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Label uint8 and image float64, both (X, Y, Z); white matter has a brightness of about 1."""
    scale = float((grid.extent / np.asarray(BOX)).min())
    sx, sy, sz = (step / scale for step in grid.spacing)
    true = Grid(grid.shape, (sx, sy, sz))
    where = np.einsum("ij,jxyz->ixyz", anatomy.turn, true.coordinates())
    across, along, above, depth = _body_coordinates(anatomy, where, true.noise(rng, 3.5))
    label = np.where(depth > 0, np.where(along < anatomy.border, ANTERIOR, POSTERIOR), 0).astype(np.uint8)
    clean = _surroundings(true, anatomy, where, rng)
    clean = _near_tissue(clean, across, along, above, depth)
    clean[label > 0] = _GREY  # head and body alike: their brightness does not differ
    clean = ndimage.gaussian_filter(clean * (1 + 0.03 * true.noise(rng, 1.5)), [0.5 / step for step in true.spacing])
    noise = rng.normal(0.0, rng.uniform(0.015, 0.035), (2, *grid.shape))
    return label, np.hypot(clean * _bias_field(grid.shape, rng) + noise[0], noise[1])


def _body_coordinates(
    anatomy: Hippocampus, where: np.ndarray, ragged: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per voxel: mm lateral of the axis, share of the length from the front, mm above the axis, depth in mm."""
    along = 0.5 - where[1] / anatomy.length
    share = np.clip(along, 0, 1)
    is_head = 1 / (1 + np.exp((share - anatomy.border) / 0.035))
    width = anatomy.body + (anatomy.head - anatomy.body) * is_head - 1.2 * np.clip(share - 0.6, 0, None) / 0.4
    height = 0.68 * width + 0.35 * is_head
    # Behind the border the axis rises, and turns towards the middle round the brain stem.
    across = anatomy.side * where[0] - 1.5 + 2.5 * is_head + 5.0 * np.clip(share - 0.5, 0, None) ** 2 / 0.25
    above = where[2] + 0.5 * anatomy.rise - anatomy.rise * share**1.4 - 0.035 * across**2
    cap = np.sqrt(np.clip(1 - np.abs(2 * along - 1) ** 5, 1e-6, None))
    radius = np.sqrt((across / width) ** 2 + (above / height) ** 2) / cap
    return across, along, above, (1 - radius) * height + 0.3 * ragged


def _surroundings(grid: Grid, anatomy: Hippocampus, where: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness (X, Y, Z) of what lies further off: white matter, folded cortex below, cistern and brain stem."""
    medial, y, z = -anatomy.side * where[0], where[1], where[2]
    folds = grid.noise(rng, 2.8)
    image = np.full(grid.shape, _WHITE)
    lower = z < -6.5 - 0.2 * y + 1.5 * folds
    image[lower] = np.where(np.abs(folds) < 0.8, _GREY, 0.9)[lower]
    image[lower & (np.abs(folds) < 0.12)] = _FLUID
    cistern = medial > 9.5 + 0.8 * folds
    image[cistern] = _FLUID
    stem = ((medial - 20) / 9) ** 2 + ((y + 8) / 15) ** 2 < 1
    image[stem] = _STEM
    return image


def _near_tissue(
    image: np.ndarray, across: np.ndarray, along: np.ndarray, above: np.ndarray, depth: np.ndarray
) -> np.ndarray:
    """``image`` with what touches the hippocampus: white sheath, amygdala, grey cortex medially, fluid in the horn."""
    image = image.copy()
    image[(depth > -1.6) & (above < 0)] = _WHITE
    image[(depth > -3.5) & (depth < -1.6) & (above < -1) & (across < 2)] = _GREY
    # Grey like the head and on top of it: only shape and position part the two.
    amygdala = ((along - 0.06) / 0.2) ** 2 + ((above - 8.5) / 4.6) ** 2 + ((across + 1) / 7) ** 2 < 1
    image[amygdala] = _GREY
    image[(depth > -0.9) & (above >= 0)] = 0.9
    horn = (depth > -3.0) & (depth < -0.6) & (across > 0.8) & (above > -2.5) & (along > 0.02) & (along < 0.8)
    image[horn] = _FLUID
    return image


def _bias_field(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    a, b, c = rng.uniform(-0.1, 0.1, 3)
    return np.exp(a * x + b * y + c * z)

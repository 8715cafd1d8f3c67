"""Phantom gliomas: one or two lesions with a core in oedema, and how they push the brain aside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cladeseg.segmentation.phantoms.brain import Tissue
from cladeseg.segmentation.phantoms.grid import Grid


@dataclass(frozen=True)
class Kind:
    """What distinguishes one tumour from another.

    Attributes:
        lesions: one or two.
        necrosis: the core has a dead centre.
        enhancing: the core has a part that takes up contrast agent.
    """

    lesions: int = 1
    necrosis: bool = True
    enhancing: bool = True


#: Subjects take turns: a ring as in most glioblastomas, two of them, a low-grade glioma, a ring, a solid one.
KINDS = (Kind(), Kind(lesions=2), Kind(enhancing=False), Kind(), Kind(necrosis=False))


@dataclass(frozen=True)
class Lesion:
    """One lesion.

    Attributes:
        centre: in mm from the brain's middle, (x, y, z).
        axes: half-axes in mm of oedema and core together.
        core: radius of the core as a share of that.
        push: how far the lesion has pushed the brain aside, 0 to 1.
    """

    centre: np.ndarray
    axes: np.ndarray
    core: float
    push: float

    def radius(self, where: np.ndarray) -> np.ndarray:
        """Distance (X, Y, Z) from the centre as a share of the half-axes; ``where`` (3, X, Y, Z) in mm."""
        offset = where - self.centre[:, None, None, None]
        return np.sqrt(((offset / self.axes[:, None, None, None]) ** 2).sum(0))


def draw_lesions(rng: np.random.Generator, kind: Kind) -> list[Lesion]:
    """Draw the lesions of a tumour, the largest first; a second one lies on the other side, front for back."""
    side, front = rng.choice([-1.0, 1.0], 2)
    lesions = []
    for i in range(kind.lesions):
        turn = (-1) ** i
        centre = rng.uniform((24, 16, 2), (34, 40, 24)) * (side * turn, front * turn, 1.0)
        size = rng.uniform(29, 36) * (0.72 if i else 1.0)
        axes = size * rng.uniform(0.9, 1.15, 3)
        lesions.append(Lesion(centre, axes, core=float(rng.uniform(0.58, 0.7)), push=float(rng.uniform(0.25, 0.4))))
    return lesions


def undeformed(where: np.ndarray, lesions: list[Lesion]) -> np.ndarray:
    """Where the tissue at each voxel lay before the lesions grew, (3, X, Y, Z) in mm."""
    for lesion in lesions:
        pull = 1 - lesion.push * np.exp(-((lesion.radius(where) / 1.2) ** 2))
        centre = lesion.centre[:, None, None, None]
        where = centre + (where - centre) * pull
    return where


def draw_tumour(
    grid: Grid,
    where: np.ndarray,
    tissues: np.ndarray,
    *,
    kind: Kind,
    lesions: list[Lesion],
    depth: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The tissues uint8 (X, Y, Z) of a brain with the tumour in it.

    Args:
        grid: in mm of an adult.
        where: (3, X, Y, Z) coordinates in mm.
        tissues: of the brain alone.
        kind: which parts the core has.
        lesions: as from :func:`draw_lesions`.
        depth: below the brain's surface in mm.
        rng: of the ragged borders.
    """
    ragged, fingers, clots = (grid.noise(rng, length) for length in (6.0, 8.0, 4.0))
    tissues, inside = tissues.copy(), depth > 2.5
    for lesion in lesions:
        radius = lesion.radius(where)
        bulge = radius * (1 + 0.12 * ragged)
        core = inside & (bulge < lesion.core)
        tissues[inside & _oedema(grid, radius * (1 + 0.2 * fingers), core, tissues)] = Tissue.OEDEMA
        tissues[core] = Tissue.ENHANCING if kind.enhancing else Tissue.SOLID
        if kind.enhancing and kind.necrosis:
            dead = bulge * (1 + 0.13 * clots) < 0.68 * lesion.core
            tissues[dead & _interior(core)] = Tissue.NECROSIS
    return tissues


def _oedema(grid: Grid, radius: np.ndarray, core: np.ndarray, tissues: np.ndarray) -> np.ndarray:
    """Bool (X, Y, Z): a cuff round the core, and beyond it the white matter, whose fibres the fluid follows."""
    distance = ndimage.distance_transform_edt(~core, sampling=grid.spacing)
    # On a coarse grid the cuff is a voxel wide at least, so that a core never lies bare in the brain.
    cuff = distance <= max(5.0, *grid.spacing)
    spread = core | cuff | ((radius < 1) & np.isin(tissues, (Tissue.WHITE, Tissue.OEDEMA)))
    parts, _ = ndimage.label(spread)
    return ~core & np.isin(parts, np.unique(parts[core]))  # no islands


def _interior(core: np.ndarray) -> np.ndarray:
    """The core without its outermost voxels: the rim is closed, except where it lies on the brain's surface."""
    return ndimage.binary_erosion(core, ndimage.generate_binary_structure(3, 1))

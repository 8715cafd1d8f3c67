"""The shape of a phantom heart in short-axis slices: from a few lengths to a label volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

#: The integers of the ACDC data set.
RIGHT_VENTRICLE, MYOCARDIUM, LEFT_VENTRICLE = 1, 2, 3


@dataclass(frozen=True)
class Traits:
    """How a group of patients differs from healthy ones, as factors of a healthy heart's lengths.

    Attributes:
        cavity: radius of the left ventricle at end-diastole.
        wall: thickness of the left ventricle's wall at end-diastole.
        right: extent of the right ventricle.
        squeeze: radius of the left ventricle at end-systole over that at end-diastole.
        bump: relative thickening (negative: thinning) of the wall round one direction.
    """

    cavity: float = 1.0
    wall: float = 1.0
    right: float = 1.0
    squeeze: float = 0.65
    bump: float = 0.0


#: The five groups of ACDC.
GROUPS = {
    "NOR": Traits(),
    "DCM": Traits(cavity=1.35, wall=0.9, squeeze=0.85),
    "HCM": Traits(cavity=0.9, wall=1.6, squeeze=0.6, bump=0.3),
    "MINF": Traits(cavity=1.1, squeeze=0.78, bump=-0.5),
    "RV": Traits(right=1.35),
}


@dataclass(frozen=True)
class Anatomy:
    """One heart at one moment, in a canonical RAS grid whose slices run from base to apex.

    Attributes:
        shape: voxels (x, y, z).
        spacing: voxel size in mm.
        field: width in mm that the torso fills; the heart's lengths are fractions of it.
        centre: centre of the left ventricle in mm from the middle of the grid.
        angle: direction from the left to the right ventricle, radians from patient right towards anterior.
        cavity: largest radius of the left ventricle in mm.
        wall: thickness of its wall at the base in mm.
        right: extent of the right ventricle as a factor of the left one's outer radius.
        squeeze, bump: see :class:`Traits`.
        bump_angle: direction of the bump in radians.
        base, apex: slice coordinates of the two ends of the heart.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    field: float
    centre: tuple[float, float]
    angle: float
    cavity: float
    wall: float
    right: float
    squeeze: float
    bump: float
    bump_angle: float
    base: float
    apex: float

    def at_systole(self) -> Anatomy:
        """The same heart contracted: muscle keeps its area in the slice, so the wall thickens as the cavity shrinks."""
        cavity = self.squeeze * self.cavity
        outer = np.sqrt((self.cavity + self.wall) ** 2 - self.cavity**2 + cavity**2)
        return replace(self, cavity=cavity, wall=outer - cavity, right=0.85 * self.right, base=self.base + 0.5)


def draw_anatomy(rng: np.random.Generator, group: str, *, shape: Sequence[int], spacing: Sequence[float]) -> Anatomy:
    """Draw a patient of ``group`` at end-diastole; the grid varies by ±10 % round ``shape`` and ``spacing``."""
    traits = GROUPS[group]
    field = float(min(shape[0] * spacing[0], shape[1] * spacing[1]))
    nx, ny, nz = (int(n) for n in np.rint(np.asarray(shape) * rng.uniform(0.9, 1.1, 3)))
    sx, sz = np.asarray(spacing)[[0, 2]] * rng.uniform(0.9, 1.1, 2)
    cavity = 0.115 * field * traits.cavity * rng.uniform(0.93, 1.07)
    wall = 0.046 * field * traits.wall * rng.uniform(0.92, 1.08)
    angle = float(np.deg2rad(20 + rng.uniform(-30, 30)))
    # The middle of both ventricles, not of the left one, lies near the middle of the field.
    centre = -0.4 * (cavity + wall) * np.array([np.cos(angle), np.sin(angle)]) + rng.uniform(-0.05, 0.05, 2) * field
    anywhere = float(rng.uniform(-np.pi, np.pi))
    base, apex = rng.uniform((-0.9, nz - 1.2), (0.2, nz - 0.5))  # an end slice may miss the heart, as in real stacks
    return Anatomy(
        shape=(nx, ny, nz),
        spacing=(float(sx), float(sx * spacing[1] / spacing[0]), float(sz)),
        field=field,
        centre=(float(centre[0]), float(centre[1])),
        angle=angle,
        cavity=float(cavity),
        wall=float(wall),
        right=traits.right * float(rng.uniform(0.93, 1.07)),
        squeeze=traits.squeeze * float(rng.uniform(0.95, 1.05)),
        bump=traits.bump,
        bump_angle=angle if traits.bump > 0 else anywhere,  # thick septum, but an infarct may sit anywhere
        base=float(base),
        apex=float(apex),
    )


def slice_coordinates(anatomy: Anatomy, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """In-plane coordinates in mm, two arrays of the grid's shape; slices are shifted as by uneven breath-holds."""
    nx, ny, nz = anatomy.shape
    shift = rng.normal(0.0, 0.006 * anatomy.field, (2, nz))
    x = (np.arange(nx) - (nx - 1) / 2) * anatomy.spacing[0]
    y = (np.arange(ny) - (ny - 1) / 2) * anatomy.spacing[1]
    across, along = np.broadcast_arrays(x[:, None, None] + shift[0], y[None, :, None] + shift[1])
    return across, along


def draw_label(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Label volume (X, Y, Z) uint8 in ACDC's integers; ``x``, ``y`` as from :func:`slice_coordinates`."""
    distance, inner, outer = _left_heart(anatomy, x, y)
    label = np.zeros(anatomy.shape, dtype=np.uint8)
    label[right_ventricle(anatomy, x, y)] = RIGHT_VENTRICLE
    label[distance < outer] = MYOCARDIUM
    label[distance < inner] = LEFT_VENTRICLE
    # On a coarse grid a thin wall may have gaps; blood that leaks out of the ring would be no heart.
    cavity = label == LEFT_VENTRICLE
    label[ndimage.binary_dilation(cavity, np.ones((3, 3, 1), dtype=bool)) & ~cavity] = MYOCARDIUM
    return label


def right_ventricle(anatomy: Anatomy, x: np.ndarray, y: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Bool (X, Y, Z): an ellipse beside the septum, widened by ``margin`` mm; the left heart cuts the crescent out."""
    depth, radius = _profile(anatomy)
    end = min(0.78, depth[radius > 0].max())  # well before the apex, also in a stack of few slices
    taper = np.sqrt(np.clip(1 - (depth / end) ** 2, 0, None))
    extent = (anatomy.cavity + anatomy.wall) * anatomy.right * radius * taper
    to_right, sideways = _turn(anatomy, x, y)
    to_right = to_right - 0.85 * (anatomy.cavity + anatomy.wall) * radius
    along, across = np.maximum(extent, 1e-6) + margin, np.maximum(1.15 * extent, 1e-6) + margin
    return ((to_right / along) ** 2 + (sideways / across) ** 2 < 1) & (extent > 0)


def cavity_polar(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance from the left ventricle's axis as a share of the cavity's radius (inf off the heart), and direction."""
    distance, inner, _ = _left_heart(anatomy, x, y)
    share = np.divide(distance, inner, out=np.full(distance.shape, np.inf), where=inner > 0)
    to_right, sideways = _turn(anatomy, x, y)
    return share, np.arctan2(sideways, to_right)


def _left_heart(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance from the axis, and the wall's inner and outer radius in that direction; mm, each (X, Y, Z)."""
    depth, radius = _profile(anatomy)
    to_right, sideways = _turn(anatomy, x, y)
    theta = np.arctan2(sideways, to_right)
    away = np.angle(np.exp(1j * (theta + anatomy.angle - anatomy.bump_angle)))
    thickness = anatomy.wall * (1 - 0.25 * depth) * (1 + anatomy.bump * np.exp(-((away / 0.7) ** 2)))
    inner = anatomy.cavity * radius * (1 - 0.07 * np.cos(2 * theta))
    return np.hypot(to_right, sideways), inner, np.where(radius > 0, inner + thickness, 0.0)


def _profile(anatomy: Anatomy) -> tuple[np.ndarray, np.ndarray]:
    """Depth of each slice (0 at the base, 1 at the apex) and the heart's relative radius there (0 outside), (Z,)."""
    depth = (np.arange(anatomy.shape[2]) - anatomy.base) / (anatomy.apex - anatomy.base)
    inside = (depth >= 0) & (depth <= 1)
    depth = np.clip(depth, 0, 1)
    return depth, np.where(inside, np.sqrt(1 - (0.88 * depth) ** 2), 0.0)


def _turn(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in mm from the left ventricle's axis: towards the right ventricle, and at a right angle to it."""
    dx, dy = x - anatomy.centre[0], y - anatomy.centre[1]
    cos, sin = np.cos(anatomy.angle), np.sin(anatomy.angle)
    return cos * dx + sin * dy, cos * dy - sin * dx

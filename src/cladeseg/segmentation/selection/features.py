"""What a case looks like in numbers, from its image and its superclass alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from scipy.ndimage import distance_transform_edt, find_objects

from cladeseg.segmentation.selection.superclass_view import SuperclassView
from cladeseg.taxonomy import ANATOMICAL_AXES

Kind = Literal["shape", "position", "intensity"]

#: Thickness in mm of the shell around the superclass: its surroundings decide how hard its border is to see.
SHELL_MM = 5.0
_PERCENTILES = (10, 50, 90)


@dataclass(frozen=True)
class Feature:
    """One number that describes a case.

    Attributes:
        name: in words.
        unit: ``"ml"``, ``"mm"`` or none.
        kind: kinds count alike, however many numbers they have.
    """

    name: str
    unit: str
    kind: Kind


def case_features(view: SuperclassView) -> dict[Feature, float]:
    """Describe a case by the superclass's volume, extent, elongation, position and intensities.

    * volume in ml; extent along each world axis in mm, voxel edge to voxel edge; elongation, the ratio of the longest
      to the shortest principal axis (square roots of the eigenvalues of the second moments, voxels counted as solid);
    * centroid relative to the image's centre along each world axis, in mm;
    * mean, standard deviation and percentiles of the normalised intensity of each channel, inside the superclass and in
      a shell of 5 mm around it.

    World axes are those of the affine, so that the order in which a file stores its voxels does not matter.  What a
    case has no value for (a missing channel; a shell where the superclass fills the image) is NaN.

    Args:
        view: the case.

    Returns:
        Feature → value; the same features in the same order for every case of as many channels.

    Raises:
        ValueError: the superclass is empty.
    """
    if not view.inside.any():
        raise ValueError("the superclass is empty: there is nothing to describe")
    return {**_shape_and_position(view), **_intensities(view)}


def shell_around(inside: np.ndarray, spacing: Sequence[float], width_mm: float = SHELL_MM) -> np.ndarray:
    """Voxels outside a mask whose centre lies within ``width_mm`` of one of the mask's.

    Args:
        inside: bool (x, y, z), not empty.
        spacing: mm between voxel centres along each axis; along the finest, direct neighbours always belong.
        width_mm: thickness of the shell.

    Returns:
        bool (x, y, z).
    """
    reach = max(width_mm, min(spacing)) * (1 + 1e-6)
    # The distance transform is the dearest step of all: it runs where the shell can be and nowhere else.
    box = tuple(
        slice(max(0, part.start - math.ceil(reach / step)), part.stop + math.ceil(reach / step))
        for part, step in zip(find_objects(inside.astype(np.uint8))[0], spacing, strict=True)
    )
    distance = distance_transform_edt(~inside[box], sampling=list(spacing))
    shell = np.zeros_like(inside)
    shell[box] = (distance > 0) & (distance <= reach)
    return shell


def _shape_and_position(view: SuperclassView) -> dict[Feature, float]:
    axes = view.affine[:3, :3]
    voxels = apply_affine(view.affine, np.argwhere(view.inside))
    centre = apply_affine(view.affine, (np.array(view.inside.shape) - 1) / 2)
    extent = np.ptp(voxels, axis=0) + np.abs(axes).sum(axis=1)
    offset = voxels.mean(axis=0) - centre
    ml = len(voxels) * abs(float(np.linalg.det(axes))) / 1000
    return {
        Feature("volume", "ml", "shape"): ml,
        **{
            Feature(f"extent {axis}", "mm", "shape"): float(mm)
            for axis, mm in zip(ANATOMICAL_AXES, extent, strict=True)
        },
        Feature("elongation", "", "shape"): _elongation(voxels, axes),
        **{
            Feature(f"position {axis}", "mm", "position"): float(mm)
            for axis, mm in zip(ANATOMICAL_AXES, offset, strict=True)
        },
    }


def _elongation(voxels: np.ndarray, axes: np.ndarray) -> float:
    """Longest over shortest principal axis of voxel centres (n, 3) in mm; ``axes`` (3, 3) are a voxel's edges."""
    # A voxel is a solid: its own second moment keeps a structure of one slice from being infinitely flat.
    moments = np.cov(voxels.T, bias=True) + axes @ axes.T / 12
    lengths = np.sqrt(np.linalg.eigvalsh(moments))
    return float(lengths[-1] / lengths[0])


def _intensities(view: SuperclassView) -> dict[Feature, float]:
    regions = {"inside": view.inside, "around": shell_around(view.inside, voxel_sizes(view.affine).tolist())}
    found: dict[Feature, float] = {}
    for number, channel in enumerate(view.image):
        of = f" of channel {number}" if len(view.image) > 1 else ""
        there = channel.min() < channel.max()  # a channel that is missing is 0 throughout
        for where, region in regions.items():
            values = channel[region] if there else channel[:0]
            found |= {Feature(f"{what}{of} {where}", "", "intensity"): n for what, n in _statistics(values).items()}
    return found


def _statistics(values: np.ndarray) -> dict[str, float]:
    names = ["mean intensity", "spread of intensity", *(f"intensity percentile {q}" for q in _PERCENTILES)]
    if not values.size:
        return dict.fromkeys(names, math.nan)
    exact = values.astype(np.float64)
    numbers = [exact.mean(), exact.std(), *np.percentile(exact, _PERCENTILES)]
    return dict(zip(names, map(float, numbers), strict=True))

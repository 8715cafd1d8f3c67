"""Along which anatomical axis a data set's slices are thick, and the axis order that suits all its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from nibabel.affines import voxel_sizes

from cladeseg.segmentation.data.integrity import Finding
from cladeseg.taxonomy import ANATOMICAL_AXES
from cladeseg.volumes import DEFAULT_ORDER, STORED, closest_axes

#: The largest spacing must exceed the median one by this factor to be that of slices.
THICK = 1.5
#: Stored axes of files count as alike as long as each lies within this angle of the mean.
_ALIKE_DEGREES = 45.0
#: Voxel → RAS mm (4, 4) of each file.
Affines = Mapping[str, np.ndarray]


class AxisOrder(NamedTuple):
    """What :func:`choose_axis_order` chose.

    Attributes:
        order: see :mod:`cladeseg.volumes.axes`.
        reason: for people, without a full stop.
    """

    order: str
    reason: str


def choose_axis_order(affines: Affines) -> AxisOrder:
    """The one axis order for all files of a data set.

    It is RAS, unless every file with thick slices has them along another anatomical axis; that one comes last then.
    Slices that are thick along several anatomical axes are left as they are stored if they always are the last stored
    axis and the files' stored axes point alike, as in oblique short-axis stacks of the heart.

    Args:
        affines: of every file; ``{}`` for a data set that is not known.

    Example:
        >>> choose_axis_order({"a.nii": np.diag([1.0, 5.0, 1.0, 1.0]), "b.nii": np.eye(4)})
        AxisOrder(order='RSA', reason='the slices are thick along posterior-anterior in all 1 files with thick slices')
    """
    thick = thick_along(affines)
    files = sum(map(len, thick.values()))
    if not thick:
        return AxisOrder(DEFAULT_ORDER, "no file has thick slices")
    if len(thick) == 1:
        (name,) = thick
        last = DEFAULT_ORDER[ANATOMICAL_AXES.index(name)]
        reason = f"the slices are thick along {name} in all {files} files with thick slices"
        return AxisOrder(DEFAULT_ORDER.replace(last, "") + last, reason)
    if _are_stored_alike(affines):
        return AxisOrder(STORED, f"{_listed(thick)}, but always along the last stored axis, and files are stored alike")
    return AxisOrder(DEFAULT_ORDER, f"{_listed(thick)}: no order has all slices last")


def mixed_planes(affines: Affines) -> Finding | None:
    """Report a data set whose slices are thick along several anatomical axes.

    Args:
        affines: of every image, by its path.

    Returns:
        Worth knowing, about the first file of the rarest plane; ``None`` for a data set of one plane.
    """
    thick = thick_along(affines)
    if len(thick) < 2:
        return None
    return Finding("info", list(thick.values())[-1][0], f"mixed acquisition planes: {_listed(thick)}")


def thick_along(affines: Affines) -> dict[str, list[str]]:
    """Anatomical axis → the files whose slices are thick along it, the most files first; others are in no list."""
    found: dict[str, list[str]] = {}
    for file, affine in affines.items():
        axis = thick_axis(affine)
        if axis is not None:
            found.setdefault(ANATOMICAL_AXES[closest_axes(affine)[axis, 0]], []).append(file)
    return dict(sorted(found.items(), key=_rank))


def thick_axis(affine: np.ndarray) -> int | None:
    """The array axis along which slices are thick; ``None`` where none is much thicker than the others.

    Example:
        >>> thick_axis(np.diag([0.9, 0.9, 5.0, 1.0])), thick_axis(np.diag([1.0, 5.0, 5.0, 1.0]))
        (2, None)
    """
    spacing = voxel_sizes(affine)
    thick = int(np.argmax(spacing))
    return thick if spacing[thick] >= THICK * np.median(spacing) else None


def _rank(entry: tuple[str, list[str]]) -> int:
    return -len(entry[1])


def _are_stored_alike(affines: Affines) -> bool:
    """Whether thick slices always come last, and every file's stored axes point nearly where the others' do."""
    if any(thick_axis(affine) not in (None, 2) for affine in affines.values()):
        return False
    directions = np.array([affine[:3, :3] / voxel_sizes(affine) for affine in affines.values()])
    mean = directions.mean(axis=0)
    cosines = (directions * mean).sum(axis=1) / np.maximum(np.linalg.norm(mean, axis=0), 1e-9)
    return bool((cosines >= np.cos(np.deg2rad(_ALIKE_DEGREES))).all())


def _listed(thick: Mapping[str, list[str]]) -> str:
    parts = [f"{len(files)} files are thick along {name} (first {files[0]})" for name, files in thick.items()]
    return ", ".join(parts)

"""Distances between the surfaces of two masks, in millimetres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import distance_transform_edt, find_objects

# A distance that equals the tolerance counts as within it, although affines and distances are stored as float32.
_SLACK = 1e-5


def surface_metrics(
    prediction: np.ndarray, truth: np.ndarray, *, spacing: Sequence[float], tolerance_mm: float
) -> dict[str, float]:
    """HD95, ASSD and NSD of two masks, neither of them empty.

    A surface is the set of foreground voxels with a face neighbour that is not; outside the volume nothing is
    foreground.  From the distances of each surface's voxels to the nearest voxel of the other:

    * ``hd95_mm``: the larger of the two directed 95th percentiles (linear interpolation);
    * ``assd_mm``: the mean over the voxels of both surfaces together;
    * ``nsd``: the fraction of the voxels of both surfaces within the tolerance (normalised surface Dice,
      arXiv 2111.05408, each surface voxel counting as one).

    Surfaces and distances are defined as MONAI's.  Its functions are not used: each finds surfaces and distances anew,
    where all three measures share them here; and ``compute_hausdorff_distance`` takes the percentile with
    ``torch.quantile``, which rounds the rank to float32 and so lands beside it on large surfaces.

    Args:
        prediction: bool (x, y, z).
        truth: bool (x, y, z).
        spacing: voxel edge lengths in mm along x, y, z.
        tolerance_mm: surface distance that counts as agreement for the NSD.

    Raises:
        ValueError: a mask is empty: it has no surface to measure a distance to.

    Example:
        >>> truth = np.zeros((8, 8, 8), dtype=bool)
        >>> truth[2:6, 2:6, 2:6] = True
        >>> shifted = np.roll(truth, 1, axis=2)
        >>> surface_metrics(shifted, truth, spacing=(1, 1, 2), tolerance_mm=2.0)["hd95_mm"]
        2.0
    """
    if not (prediction.any() and truth.any()):
        raise ValueError("surface metrics need two masks that are not empty")
    there, back = _surface_distances(prediction, truth, spacing)
    both = np.concatenate([there, back])
    return {
        "hd95_mm": float(max(np.percentile(there, 95), np.percentile(back, 95))),
        "assd_mm": float(both.mean()),
        "nsd": float((both <= tolerance_mm * (1 + _SLACK)).mean()),
    }


def _surface_distances(
    prediction: np.ndarray, truth: np.ndarray, spacing: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Distances in mm, float64, of each surface's voxels to the other: prediction → truth, truth → prediction."""
    box = find_objects((prediction | truth).view(np.uint8))[0]
    first, second = _surface(prediction[box]), _surface(truth[box])
    steps = [float(step) for step in spacing]
    return distance_transform_edt(~second, sampling=steps)[first], distance_transform_edt(~first, sampling=steps)[
        second
    ]


def _surface(mask: np.ndarray) -> np.ndarray:
    """Voxels of a bool mask (x, y, z) with a face neighbour, or the volume's border, outside of it."""
    inner = mask.copy()
    for axis in range(mask.ndim):
        lower, upper = _ends(axis, mask.ndim)
        inner[upper] &= mask[lower]
        inner[lower] &= mask[upper]
        inner[_at(axis, mask.ndim, 0)] = inner[_at(axis, mask.ndim, -1)] = False
    return mask & ~inner


def _ends(axis: int, dims: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Everything but the last, and everything but the first, along an axis."""
    before = (slice(None),) * axis
    after = (slice(None),) * (dims - axis - 1)
    return (*before, slice(None, -1), *after), (*before, slice(1, None), *after)


def _at(axis: int, dims: int, place: int) -> tuple[slice | int, ...]:
    return (*(slice(None),) * axis, place, *(slice(None),) * (dims - axis - 1))

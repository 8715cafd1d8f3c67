"""Distances between the surfaces of two masks, in millimetres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from monai.metrics.utils import get_mask_edges, get_surface_distance
from scipy.ndimage import find_objects

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

    Surfaces and distances are MONAI's.  The percentile is not: ``compute_hausdorff_distance`` takes it with
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
    # MONAI crops too, but touches the whole volume several times before it does.
    box = find_objects((prediction | truth).view(np.uint8))[0]
    edges = get_mask_edges(prediction[box], truth[box])
    steps = [float(step) for step in spacing]
    there = get_surface_distance(edges[0], edges[1], spacing=steps)
    back = get_surface_distance(edges[1], edges[0], spacing=steps)
    return np.asarray(there, dtype=np.float64), np.asarray(back, dtype=np.float64)

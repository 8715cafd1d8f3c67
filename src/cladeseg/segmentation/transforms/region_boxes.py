"""Boxes around the regions of a probability map or an outline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage


class RegionBoxes:
    """Boxes that hold the regions where something is, with a margin around each.

    A region is a connected component of the voxels above ``threshold``.  Boxes that overlap become one.

    Args:
        margin: voxels that are added on each side, along each axis.
        least: voxels that a box has at least along each axis, as far as the volume has them.
        threshold: probability above which a voxel belongs to a region.
        min_confidence: a region whose greatest probability is lower is not believed.
        min_share: a region with fewer voxels than this share of the largest one's is not believed either.

    Example:
        >>> p = np.zeros((8, 8, 8))
        >>> p[3:5, 3, 7] = 0.9
        >>> RegionBoxes(margin=(1, 1, 1), least=(1, 1, 1))(p).tolist()
        [[[2, 2, 6], [6, 5, 8]]]
    """

    def __init__(
        self,
        *,
        margin: Sequence[float],
        least: Sequence[int],
        threshold: float = 0.5,
        min_confidence: float = 0.0,
        min_share: float = 0.0,
    ) -> None:
        self.margin = np.array(margin, dtype=float)
        self.least = np.array(least, dtype=int)
        self.threshold = threshold
        self.min_confidence = min_confidence
        self.min_share = min_share

    def __call__(self, probability: np.ndarray, shape: Sequence[int] | None = None) -> np.ndarray:
        """Find the boxes.

        Args:
            probability: (*S') of something being there; an outline is 0 and 1.
            shape: S of the grid that the boxes are wanted on, which spans the same volume; S' if ``None``.

        Returns:
            int (K, 2, D): first voxel, and first voxel beyond, of each box, inside the grid and without overlap; the
            largest region's first, K = 0 where nothing is found.
        """
        whole = np.array(probability.shape if shape is None else shape)
        boxes = self._regions(probability) * (whole / probability.shape)
        start, stop = np.floor(boxes[:, 0] - self.margin), np.ceil(boxes[:, 1] + self.margin)
        grown = np.stack([start, stop], axis=1).astype(int)
        return without_overlap([fit_box(box, self.least, whole) for box in grown], len(whole))

    def _regions(self, probability: np.ndarray) -> np.ndarray:
        """Bounding boxes (K, 2, D) of the regions that are believed, the largest first."""
        labels, count = ndimage.label(probability > self.threshold, np.ones((3,) * probability.ndim))
        index = np.arange(1, count + 1)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        peaks = np.array(ndimage.maximum(probability, labels, index)).reshape(-1)
        sizes = np.where(peaks >= self.min_confidence, sizes, 0)
        believed = (sizes > 0) & (sizes >= self.min_share * sizes.max(initial=0))
        found = ndimage.find_objects(labels)
        order = [i for i in np.argsort(-sizes, kind="stable") if believed[i]]
        boxes = [[[axis.start for axis in found[i]], [axis.stop for axis in found[i]]] for i in order]
        return np.array(boxes, dtype=float).reshape(-1, 2, probability.ndim)


def fit_box(box: np.ndarray, least: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Clip a box to the volume, then widen it to ``least`` voxels, as far as the volume has them.

    Args:
        box: int (2, D), at least partly inside the volume.
        least: int (D,).
        shape: int (D,) of the volume.

    Returns:
        int (2, D).
    """
    start, stop = np.clip(box, 0, shape)
    size = np.minimum(np.maximum(stop - start, least), shape)
    start = np.clip(start - (size - (stop - start)) // 2, 0, shape - size)
    return np.stack([start, start + size])


def without_overlap(boxes: Sequence[np.ndarray], dimensions: int) -> np.ndarray:
    """Put boxes that share a voxel into one, until none does; int (K, 2, D)."""
    apart: list[np.ndarray] = []
    for new in boxes:
        box = new
        while hits := [i for i, other in enumerate(apart) if _overlap(box, other)]:
            together = [box, *(apart[i] for i in hits)]
            box = np.stack([np.min([b[0] for b in together], axis=0), np.max([b[1] for b in together], axis=0)])
            apart = [other for i, other in enumerate(apart) if i not in hits]
        apart.append(box)
    return np.array(apart, dtype=int).reshape(-1, 2, dimensions)


def _overlap(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((np.maximum(one[0], other[0]) < np.minimum(one[1], other[1])).all())


def slices_of(box: np.ndarray) -> tuple[slice, ...]:
    """Index of a box (2, D) into a volume (C, *S)."""
    return (slice(None), *(slice(int(start), int(stop)) for start, stop in zip(*box, strict=True)))

"""The sliding window that validation and inference share."""

from __future__ import annotations

from collections.abc import Sequence

from monai.inferers import SlidingWindowInferer


def sliding_window(patch_size: Sequence[int], overlap: float = 0.25) -> SlidingWindowInferer:
    """Windows of the training patch's size, blended with Gaussian weights; edges are replicated.

    Args:
        patch_size: voxels (x, y, z) of a window.
        overlap: share of a window that the next one covers again, along each axis, from 0 and below 1.

    Raises:
        ValueError: no such overlap.
    """
    if not 0 <= overlap < 1:
        raise ValueError(f"overlap: a share from 0 and below 1, not {overlap}")
    return SlidingWindowInferer(
        roi_size=tuple(patch_size), sw_batch_size=4, overlap=overlap, mode="gaussian", padding_mode="replicate"
    )

"""Intensities of a part of an image, standardised over that part alone."""

from __future__ import annotations

from monai.transforms import NormalizeIntensity
from torch import Tensor


def standardise(image: Tensor, *, nonzero: bool = False) -> Tensor:
    """Mean 0 and standard deviation 1 of each channel.

    Args:
        image: float (C, *S).
        nonzero: whether voxels that are exactly 0 are left out and stay 0, as those around a brain.

    Returns:
        float (C, *S) of its own memory.
    """
    return NormalizeIntensity(nonzero=nonzero, channel_wise=True)(image.as_subclass(Tensor).clone())

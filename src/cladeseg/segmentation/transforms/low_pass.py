"""Take out of an image what a coarser grid cannot hold, before it is resampled to that grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.layers import gaussian_1d
from torch import Tensor

#: Below this ratio of voxel sizes, interpolating between neighbours is low-pass enough.
LEAST_RATIO = 1.5


def low_pass(image: Tensor, ratios: Sequence[float]) -> Tensor:
    """Blur an image along each axis that is about to become much coarser.

    Interpolation looks at two voxels along each axis.  Where a new voxel spans more of them, detail that it cannot hold
    turns into patterns that are not there (aliasing).  The standard deviation of the Gaussian is (ratio - 1) / 2 of the
    old voxels, as in MONAI's and scikit-image's resizing.  At the border the outermost voxels are repeated, so that a
    constant image stays as it is.

    Args:
        image: float (C, *S).
        ratios: new voxel size over the old one along each axis; below 1.5 the axis is left alone.

    Returns:
        (C, *S); ``image`` itself where nothing is to be done.

    Example:
        >>> stripes = torch.arange(32.0).remainder(2).reshape(1, 32, 1, 1)
        >>> blurred = low_pass(stripes, (4, 1, 1))
        >>> bool(((blurred - 0.5).abs() < 0.01)[:, 8:24].all())
        True
    """
    if not any(ratio >= LEAST_RATIO for ratio in ratios):
        return image
    blurred = image.as_subclass(Tensor)
    for axis, ratio in enumerate(ratios, start=1):
        if ratio >= LEAST_RATIO:
            matrix = _blurring(blurred.shape[axis], (ratio - 1) / 2).to(blurred)
            blurred = torch.tensordot(blurred, matrix, dims=([axis], [1])).movedim(-1, axis)
    return blurred


def _blurring(length: int, sigma: float) -> Tensor:
    """(length, length) matrix of a Gaussian that repeats the outermost voxels.

    A product with it is ten times as fast on a CPU as MONAI's ``separable_filtering``, which convolves in 3D.
    """
    kernel = gaussian_1d(torch.tensor(sigma), normalize=True)
    reach = len(kernel) // 2
    row = torch.arange(length)[:, None].expand(-1, len(kernel))
    column = (row + torch.arange(-reach, reach + 1)).clamp(0, length - 1)
    return torch.zeros(length, length).index_put((row, column), kernel.expand(length, -1), accumulate=True)

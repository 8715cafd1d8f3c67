"""The same volume on a coarser grid, as a first pass looks at it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from cladeseg.segmentation.transforms.low_pass import low_pass


def coarsen_image(image: Tensor, ratios: Sequence[float]) -> Tensor:
    """Low-pass and interpolate an image; both grids span the same box, edge to edge.

    Args:
        image: float (C, *S).
        ratios: new voxel size over the old one along each axis, at least 1.

    Returns:
        float (C, *S'), with S' = S / ratios to the nearest integer.

    Example:
        >>> coarsen_image(torch.ones(1, 40, 40, 9), (2.5, 2.5, 1)).shape
        torch.Size([1, 16, 16, 9])
    """
    plain = low_pass(image.as_subclass(Tensor), ratios)
    size = coarse_shape(plain.shape[1:], ratios)
    return interpolate(plain[None], size=size, mode="trilinear", align_corners=False)[0]


def coarsen_nodes(nodes: Tensor, ratios: Sequence[float]) -> Tensor:
    """The node (1, *S') at the centre of each coarser voxel; see :func:`coarsen_image`."""
    plain = nodes.as_subclass(Tensor)
    for axis, new in enumerate(coarse_shape(plain.shape[1:], ratios), start=1):
        old = plain.shape[axis]
        centres = ((torch.arange(new, device=plain.device) + 0.5) * old / new).long()
        plain = plain.index_select(axis, centres)
    return plain


def coarse_shape(shape: Sequence[int], ratios: Sequence[float]) -> list[int]:
    """Voxels of the coarser grid along each axis, at least one."""
    return [max(1, round(n / ratio)) for n, ratio in zip(shape, ratios, strict=True)]

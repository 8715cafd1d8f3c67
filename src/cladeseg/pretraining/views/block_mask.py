"""Blocks of voxels that a network has to reconstruct from what lies around them."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor


def block_mask(
    number: int, shape: Sequence[int], block: Sequence[int], ratio: float, generator: torch.Generator
) -> Tensor:
    """Draw masks that hide a share of the blocks that a patch divides into.

    Masked image modelling: He et al., MAE, arXiv 2111.06377; Xie et al., SimMIM, arXiv 2111.09886.

    Args:
        number: of masks, N.
        shape: spatial shape S of a patch.
        block: voxels of a block along each axis, at least 1.
        ratio: share of the blocks, in [0, 1]; the same number of blocks in every mask.
        generator: CPU generator; its state alone decides.

    Returns:
        Bool (N, 1, *S) on the CPU, true where hidden.

    Example:
        >>> mask = block_mask(1, (8, 8, 8), (4, 4, 4), 0.5, torch.Generator().manual_seed(0))
        >>> mask.float().mean().item()
        0.5
    """
    grid = [ceil(size / width) for size, width in zip(shape, block, strict=True)]
    scores = torch.rand(number, *grid, generator=generator).flatten(1)
    hidden = round(ratio * scores.shape[1])
    order = scores.argsort(dim=1)
    coarse = torch.zeros_like(scores, dtype=torch.bool).scatter(1, order[:, :hidden], True).view(number, *grid)
    for axis, (size, width) in enumerate(zip(shape, block, strict=True), start=1):
        coarse = coarse.repeat_interleave(width, dim=axis).narrow(axis, 0, size)
    return coarse[:, None]

"""Boxes that are cut from one volume and pasted into another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def random_box(shape: Sequence[int], sides: Sequence[int], generator: torch.Generator) -> Tensor:
    """A box wholly inside a volume, at a position that is uniform among all possible ones.

    Args:
        shape: spatial shape S of the volume, in voxels.
        sides: of the box, in voxels.
        generator: CPU generator; draws one number for each axis.

    Returns:
        Bool (*S) on the CPU, True inside the box.

    Raises:
        ValueError: a side is negative or longer than the volume.
    """
    if len(sides) != len(shape) or any(not 0 <= side <= size for side, size in zip(sides, shape, strict=True)):
        raise ValueError(f"a box of sides {tuple(sides)} does not fit into a volume of shape {tuple(shape)}")
    box = torch.ones(tuple(shape), dtype=torch.bool)
    for axis, (side, size) in enumerate(zip(sides, shape, strict=True)):
        start = int(torch.randint(size - side + 1, (1,), generator=generator))
        index = torch.arange(size)
        within = (index >= start) & (index < start + side)
        box &= within.view([-1 if a == axis else 1 for a in range(len(shape))])
    return box

"""Mirror a batch along anatomical axes, wherever these lie in each sample's array."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

from cladeseg.taxonomy import ANATOMICAL_AXES

#: Names of the anatomical axes to mirror along, one set for each view of an image; the empty set is the image itself.
Views = tuple[tuple[str, ...], ...]
#: The image as it is, and nothing else.
UNMIRRORED: Views = ((),)


def mirrored_views(flips: Sequence[str]) -> Views:
    """Every set of some anatomical axes, the empty one first: 2ᵏ views for k axes.

    Example:
        >>> mirrored_views(["left-right", "inferior-superior"])
        ((), ('left-right',), ('inferior-superior',), ('left-right', 'inferior-superior'))
    """
    return tuple(chosen for size in range(len(flips) + 1) for chosen in combinations(flips, size))


def mirror(volumes: Tensor, array_axes: Tensor, flips: Sequence[str]) -> Tensor:
    """Mirror every sample along the same anatomical axes; doing so twice gives the batch back.

    Args:
        volumes: (B, C, *S).
        array_axes: integer (B, 3), each sample's array axes of the anatomical ones, on any device.
        flips: names of anatomical axes.

    Returns:
        (B, C, *S), the batch itself if there is nothing to mirror.
    """
    chosen = [ANATOMICAL_AXES.index(name) for name in flips]
    if not chosen:
        return volumes
    dims = [tuple(sorted(row)) for row in array_axes[:, chosen].tolist()]
    if len(set(dims)) == 1:
        return volumes.flip([2 + axis for axis in dims[0]])
    return torch.stack([one.flip([1 + axis for axis in axes]) for one, axes in zip(volumes, dims, strict=True)])


def along_array_axes(flips: Tensor, array_axes: Tensor) -> Tensor:
    """Whether each array axis is mirrored, from whether each anatomical axis is; bool (B, 3) both.

    Example:
        >>> left_right = torch.tensor([[True, False, False]] * 2)
        >>> along_array_axes(left_right, torch.tensor([[0, 1, 2], [2, 0, 1]])).int().tolist()
        [[1, 0, 0], [0, 0, 1]]
    """
    return torch.zeros_like(flips).scatter(1, array_axes, flips)

"""Kernels, strides and channels of a U-Net's levels, from the voxel size and the patch.

The rules follow what self-configuring pipelines have found to work (Isensee et al., nnU-Net, Nature Methods 18, 2021):
halve the axes whose voxels are smallest until the patch is small, and keep kernels flat while slices are thick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Three = tuple[int, int, int]

MIN_LEVELS = 3
#: Axes count as equally fine up to this ratio of their spacings.
_EQUAL = 1.5
#: An axis is not halved below this number of voxels.
_SMALLEST = 4
#: Voxels that a kernel spans along an axis that is looked along; a thinner patch has too few for it.
_KERNEL = 3
#: Channels of a level are not doubled beyond this number.
_MOST_CHANNELS = 320


class Levels(NamedTuple):
    """What :func:`network_levels` derived; one entry for each level, the finest first.

    Attributes:
        filters: feature channels.
        kernels: of the convolutions.
        strides: into the level; the first is 1.
    """

    filters: tuple[int, ...]
    kernels: tuple[Three, ...]
    strides: tuple[Three, ...]


def network_levels(
    patch_size: Sequence[float], spacing: Sequence[float], *, levels: int = 4, filters: int = 16
) -> Levels:
    """Derive the levels of a U-Net.

    A level halves each axis whose spacing is at most 1.5 times the smallest one, as long as 4 voxels are left.  A
    kernel spans 3 voxels along such an axis and 1 along thick slices; an axis that was looked along once stays so.
    An axis of fewer than 3 voxels is not looked along at all: such a patch is a set of slices.

    Args:
        patch_size: voxels of a patch along each axis.
        spacing: voxel size in mm.
        levels: resolutions; fewer, but at least three, where no axis can be halved any more.
        filters: channels of the finest level; doubled from level to level, up to 320.

    Examples:
        >>> network_levels((112, 112, 8), (3.0, 3.0, 10.0)).kernels
        ((3, 3, 1), (3, 3, 1), (3, 3, 3), (3, 3, 3))
        >>> network_levels((112, 112, 8), (3.0, 3.0, 10.0)).strides
        ((1, 1, 1), (2, 2, 1), (2, 2, 1), (2, 2, 2))

    Raises:
        ValueError: a number is not positive, or there are fewer than three levels.
    """
    if min(*patch_size, *spacing, filters) <= 0 or levels < MIN_LEVELS:
        raise ValueError(
            f"patch_size {tuple(patch_size)}, spacing {tuple(spacing)} and filters {filters} must be positive, "
            f"levels {levels} at least {MIN_LEVELS}"
        )
    size, mm = list(patch_size), list(spacing)
    kernels, strides = [_kernel(size, mm)], [(1, 1, 1)]
    while len(kernels) < levels:
        step = _step(size, mm)
        if max(step) == 1 and len(kernels) >= MIN_LEVELS:
            break
        size = [n / s for n, s in zip(size, step, strict=True)]
        mm = [d * s for d, s in zip(mm, step, strict=True)]
        # An axis that was looked along once stays so: halving the others makes it the finer one.
        kernels.append(_three([max(pair) for pair in zip(_kernel(size, mm), kernels[-1], strict=True)]))
        strides.append(step)
    channels = tuple(min(filters * 2**i, max(_MOST_CHANNELS, filters)) for i in range(len(kernels)))
    return Levels(channels, tuple(kernels), tuple(strides))


def _step(size: Sequence[float], spacing: Sequence[float]) -> Three:
    finest = min(spacing)
    return _three(
        [2 if mm <= _EQUAL * finest and n / 2 >= _SMALLEST else 1 for n, mm in zip(size, spacing, strict=True)]
    )


def _kernel(size: Sequence[float], spacing: Sequence[float]) -> Three:
    looks = [mm <= _EQUAL * min(spacing) and n >= _KERNEL for n, mm in zip(size, spacing, strict=True)]
    return _three([_KERNEL if along else 1 for along in looks])


def _three(values: Sequence[int]) -> Three:
    x, y, z = values
    return (x, y, z)

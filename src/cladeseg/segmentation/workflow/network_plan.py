"""Voxel size, patch and network levels that suit a data set, from its volumes' sizes alone.

The rules follow what self-configuring pipelines have found to work (Isensee et al., nnU-Net, Nature Methods 18, 2021):
halve the axes whose voxels are smallest until the patch is small, and keep kernels flat while slices are thick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

#: Voxels of a patch that a few gigabytes of memory train in a batch of four.
MAX_VOXELS = 110_000
#: Rather than seeing a small part of a volume, the network sees it up to so many times coarser.
MAX_COARSENING = 2.0
#: Slices count as thick above this ratio of spacings.
_THICK = 2.0
_MIN_LEVELS, _LEVELS, _SMALLEST = 3, 4, 4


@dataclass(frozen=True)
class NetworkPlan:
    """What :func:`plan_network` chose.

    Attributes:
        spacing: voxel size in mm that images are resampled to.
        patch_size: voxels; a multiple of all strides together.
        kernels: of each level.
        strides: into each level.
    """

    spacing: tuple[float, float, float]
    patch_size: tuple[int, int, int]
    kernels: tuple[tuple[int, int, int], ...]
    strides: tuple[tuple[int, int, int], ...]


def plan_network(
    shape: Sequence[float], spacing: Sequence[float], *, max_voxels: int = MAX_VOXELS, levels: int = _LEVELS
) -> NetworkPlan:
    """Choose spacing, patch and levels for volumes of a typical size.

    Args:
        shape: typical number of voxels (x, y, z), slice axis last.
        spacing: typical voxel size in mm.
        max_voxels: of a patch.
        levels: resolutions of the network, at most.

    Raises:
        ValueError: a number is not positive.
    """
    if min(*shape, *spacing) <= 0:
        raise ValueError(f"shape {tuple(shape)} and spacing {tuple(spacing)} must be positive")
    thick = max(spacing) > _THICK * min(spacing)
    axes = [i for i in range(3) if not thick or spacing[i] <= _THICK * min(spacing)]
    coarser = min(MAX_COARSENING, max(1.0, (prod(shape) / max_voxels) ** (1 / len(axes))))
    target = [round(mm * (coarser if i in axes else 1), 2) for i, mm in enumerate(spacing)]
    size = [n * mm / new for n, mm, new in zip(shape, spacing, target, strict=True)]
    shrink = min(1.0, (max_voxels / prod(size)) ** (1 / len(axes)))
    size = [n * (shrink if i in axes else 1) for i, n in enumerate(size)]
    kernels, strides = _levels(size, target, levels)
    divisor = [prod(step[i] for step in strides) for i in range(3)]
    patch = [max(d, _to_multiple(n, d)) for n, d in zip(size, divisor, strict=True)]
    return NetworkPlan(_three(target), _three(patch), tuple(kernels), tuple(strides))


def _levels(
    size: Sequence[float], spacing: Sequence[float], levels: int
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    kernels, strides = [_kernel(spacing)], [(1, 1, 1)]
    size, spacing = list(size), list(spacing)
    while len(kernels) < levels:
        step = [
            2 if mm <= 1.5 * min(spacing) and n / 2 >= _SMALLEST else 1 for n, mm in zip(size, spacing, strict=True)
        ]
        if max(step) == 1 and len(kernels) >= _MIN_LEVELS:
            break
        size = [n / s for n, s in zip(size, step, strict=True)]
        spacing = [mm * s for mm, s in zip(spacing, step, strict=True)]
        # An axis that was looked along once stays so: halving the others makes it the finer one.
        kernels.append(_three([max(pair) for pair in zip(_kernel(spacing), kernels[-1], strict=True)]))
        strides.append(_three(step))
    return kernels, strides


def _kernel(spacing: Sequence[float]) -> tuple[int, int, int]:
    return _three([3 if mm <= _THICK * min(spacing) else 1 for mm in spacing])


def _to_multiple(size: float, divisor: int) -> int:
    """The nearest multiple, upwards where a volume would almost fit."""
    return ceil(size / divisor - 0.25) * divisor


def _three(values: Sequence[float]) -> tuple:
    return tuple(values)

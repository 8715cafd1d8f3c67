"""Voxel size and patch that suit a data set, from its volumes' sizes alone.

The rules follow what self-configuring pipelines have found to work (Isensee et al., nnU-Net, Nature Methods 18, 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

from cladeseg.segmentation.networks.levels import Levels, network_levels

#: Voxels of a patch that a few gigabytes of memory train in a batch of four.
MAX_VOXELS = 110_000
#: Rather than seeing a small part of a volume, the network sees it up to so many times coarser.
MAX_COARSENING = 2.0
#: Slices count as thick above this ratio of spacings.
_THICK = 2.0
_LEVELS = 4


@dataclass(frozen=True)
class NetworkPlan:
    """What :func:`plan_network` chose.

    Attributes:
        spacing: voxel size in mm that images are resampled to.
        patch_size: voxels; a multiple of all strides together.
        levels: resolutions of the network, at most.
    """

    spacing: tuple[float, float, float]
    patch_size: tuple[int, int, int]
    levels: int = _LEVELS

    @property
    def network(self) -> Levels:
        """Kernels and strides that follow."""
        return network_levels(self.patch_size, self.spacing, levels=self.levels)


def plan_network(
    shape: Sequence[float], spacing: Sequence[float], *, max_voxels: int = MAX_VOXELS, levels: int = _LEVELS
) -> NetworkPlan:
    """Choose spacing and patch for volumes of a typical size.

    Args:
        shape: typical number of voxels along each axis, in the order that the network will see.
        spacing: typical voxel size in mm along the same axes.
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
    strides = network_levels(size, target, levels=levels).strides
    divisor = [prod(step[i] for step in strides) for i in range(3)]
    patch = [max(d, _to_multiple(n, d)) for n, d in zip(size, divisor, strict=True)]
    x, y, z = target
    i, j, k = patch
    return NetworkPlan((x, y, z), (i, j, k), levels)


def _to_multiple(size: float, divisor: int) -> int:
    """The nearest multiple, upwards where a volume would almost fit."""
    return ceil(size / divisor - 0.25) * divisor

"""Places that several crops of one region share, and the features there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

#: Candidates for each place that is drawn: those that show something go first.
_CANDIDATES = 4


def draw_starts(
    views: int, cases: int, region: Sequence[int], size: Sequence[int], generator: torch.Generator
) -> Tensor:
    """First voxels of crops inside a region, long (V, B, D) on the CPU; every position is equally likely.

    Args:
        views: V.
        cases: B.
        region: voxels of the region along each axis.
        size: voxels of a crop, none of them larger than the region's.
        generator: CPU generator; its state alone decides.
    """
    room = torch.tensor([whole - part + 1 for whole, part in zip(region, size, strict=True)])
    return (torch.rand(views, cases, len(room), generator=generator) * room).long().clamp(max=room - 1)


def crop_views(volumes: Tensor, starts: Tensor, size: Sequence[int]) -> Tensor:
    """Crops (V, B, C, *size) of volumes (B, C, *R).

    Args:
        volumes: any type.
        starts: long (V, B, D), first voxel of each crop.
        size: voxels of a crop.
    """
    crops = [torch.stack([_crop(one, at, size) for one, at in zip(volumes, view, strict=True)]) for view in starts]
    return torch.stack(crops)


def _crop(volume: Tensor, start: Tensor, size: Sequence[int]) -> Tensor:
    for axis, (first, length) in enumerate(zip(start.tolist(), size, strict=True), start=1):
        volume = volume.narrow(axis, first, length)
    return volume


def draw_places(starts: Tensor, size: Sequence[int], shown: Tensor, points: int, generator: torch.Generator) -> Tensor:
    """Draw voxels that all views of a case hold, those that show something first.

    Args:
        starts: long (V, B, D), first voxel of each view in the region.
        size: voxels of a view; any two views must overlap along every axis.
        shown: bool (B, *R), where the region shows something.
        points: P.
        generator: CPU generator; its state alone decides.

    Returns:
        Long (B, P, D) on the CPU, voxels of the region.
    """
    first, last = starts.amax(dim=0), starts.amin(dim=0) + torch.tensor(size)
    room = (last - first)[:, None]
    shape = (starts.shape[1], points * _CANDIDATES, starts.shape[2])
    places = first[:, None] + (torch.rand(shape, generator=generator) * room).long().clamp(max=room - 1)
    dull = ~values_at(shown[:, None].cpu(), places)[..., 0]
    order = dull.byte().argsort(dim=1, stable=True)[:, :points]
    return places.gather(1, order[..., None].expand(-1, -1, shape[2]))


def values_at(volumes: Tensor, places: Tensor) -> Tensor:
    """Values (B, P, C) of volumes (B, C, *S) at voxels long (B, P, D).

    Example:
        >>> volume = torch.arange(8).view(1, 1, 2, 2, 2)
        >>> values_at(volume, torch.tensor([[[1, 0, 1], [0, 1, 0]]])).flatten().tolist()
        [5, 2]
    """
    index = torch.zeros(places.shape[:2], dtype=torch.long)
    for axis, length in enumerate(volumes.shape[2:]):
        index = index * length + places[..., axis]
    flat = volumes.flatten(2)
    at = index[:, None].expand(-1, flat.shape[1], -1).to(volumes.device)
    return flat.gather(2, at).transpose(1, 2)

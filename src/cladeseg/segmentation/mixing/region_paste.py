"""Bring a region of one image onto a region of another, and paste it there."""

from __future__ import annotations

import torch

from cladeseg.segmentation.transforms.box_extent import box_extent
from cladeseg.segmentation.transforms.warp import affine_coordinates, warp


def centre_and_extent(region: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Centroid and extent (that of the box with its variance) of a region along each axis, in voxels.

    Args:
        region: bool (B, 1, *S).

    Returns:
        Two float (B, D); centre 0 and size 1 for an empty region.

    Example:
        >>> region = torch.zeros(1, 1, 6, 3, dtype=torch.bool)
        >>> region[:, :, 1:5, 1] = True
        >>> centre, extent = centre_and_extent(region)
        >>> centre.tolist(), extent.tolist()
        ([[2.5, 1.0]], [[4.0, 1.0]])
    """
    axes = range(2, region.ndim)
    count = region.flatten(1).sum(1).clamp(min=1)
    centres, extents = [], []
    for axis in axes:
        profile = region.sum(dim=[1, *(a for a in axes if a != axis)]).float()
        index = torch.arange(region.shape[axis], device=region.device)
        centre = (profile * index).sum(1) / count
        variance = (profile * (index - centre[:, None]) ** 2).sum(1) / count
        centres.append(centre)
        extents.append(box_extent(variance))
    return torch.stack(centres, 1), torch.stack(extents, 1)


def align_region(
    query_region: torch.Tensor,
    partner_image: torch.Tensor,
    partner_nodes: torch.Tensor,
    partner_region: torch.Tensor,
    *,
    root: int,
    max_scale: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move each partner so that its region lies on the query's: same centroid and, within bounds, same size.

    Args:
        query_region: bool (B, 1, *S).
        partner_image: float (B, C, *S); interpolated linearly.
        partner_nodes: integer (B, 1, *S); nearest neighbour.
        partner_region: bool (B, 1, *S).
        root: node of voxels that come from outside the partner's field of view.
        max_scale: bound m ≥ 1 of the magnification along each axis, 1/m…m.  With 1 the partner is moved by whole
            voxels, which needs no interpolation.

    Returns:
        The moved image (its border is repeated outside the field of view) and node map.  Where either region is empty
        the result is meaningless but finite; no voxel of it lies in both regions.

    Example:
        >>> query, partner = torch.tensor([0, 0, 0, 1, 1, 0]), torch.tensor([1, 1, 0, 0, 0, 0])
        >>> query, partner = query.view(1, 1, 6, 1, 1), partner.view(1, 1, 6, 1, 1)
        >>> _, moved = align_region(query == 1, partner.float(), partner, partner == 1, root=9)
        >>> moved.flatten().tolist()  # the root where the partner's field of view ends
        [9, 9, 9, 1, 1, 0]
    """
    centre, extent = centre_and_extent(query_region)
    partner_centre, partner_extent = centre_and_extent(partner_region)
    scale = (extent / partner_extent).clamp(1 / max_scale, max_scale)
    shift = partner_centre - centre / scale
    shift = shift.round() if max_scale == 1 else shift
    coordinates = affine_coordinates(torch.diag_embed(1 / scale), shift, partner_image.shape[2:])
    return warp(partner_image, partner_nodes, coordinates, outside=root)


def paste(
    image: torch.Tensor, source: torch.Tensor, mask: torch.Tensor, alpha: torch.Tensor | float = 1.0
) -> torch.Tensor:
    """Blend ``source`` into ``image`` inside the mask: (1 - α)·image + α·source.

    Args:
        image: float (B, C, *S).
        source: float (B, C, *S).
        mask: bool (B, 1, *S).
        alpha: one number, or (B,) one per sample.

    Example:
        >>> image, source = torch.zeros(1, 1, 4), torch.ones(1, 1, 4)
        >>> mask = torch.tensor([[[False, True, True, False]]])
        >>> paste(image, source, mask, alpha=0.75).tolist()
        [[[0.0, 0.75, 0.75, 0.0]]]
    """
    if isinstance(alpha, torch.Tensor):
        alpha = alpha.view(-1, *[1] * (image.ndim - 1))
    return torch.where(mask, (1 - alpha) * image + alpha * source, image)

"""Bring a region of one image onto a region of another, make it look alike, and paste it there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import avg_pool3d, max_pool3d, pad

from cladeseg.segmentation.transforms.pose import affine_between, pose_of_regions
from cladeseg.segmentation.transforms.warp import affine_coordinates, warp

#: Least spread of intensities that is divided by.
_SMALLEST = 1e-4


def align_region(
    query_region: torch.Tensor,
    partner_image: torch.Tensor,
    partner_nodes: torch.Tensor,
    partner_region: torch.Tensor,
    *,
    root: int,
    max_scale: float = 1.0,
    axes: str = "volume",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move each partner so that its region lies on the query's: same centroid, axes and, within bounds, size.

    Args:
        query_region: bool (B, 1, *S).
        partner_image: float (B, C, *S); interpolated linearly.
        partner_nodes: integer (B, 1, *S); nearest neighbour.
        partner_region: bool (B, 1, *S).
        root: node of voxels that come from outside the partner's field of view.
        max_scale: bound m ≥ 1 of the magnification along each axis, 1/m…m.  With 1 the partner is moved by whole
            voxels along the volume's axes, which needs no interpolation.
        axes: of the regions, ``"volume"`` or ``"principal"``; label propagation knows the same.

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
    pose, partner_pose = pose_of_regions(query_region, axes), pose_of_regions(partner_region, axes)
    matrix, shift = affine_between(pose, partner_pose, max_scale)
    shift = shift.round() if max_scale == 1 and axes == "volume" else shift
    coordinates = affine_coordinates(matrix, shift, partner_image.shape[2:])
    return warp(partner_image, partner_nodes, coordinates, outside=root)


def match_intensities(
    image: torch.Tensor, region: torch.Tensor, like: torch.Tensor, like_region: torch.Tensor
) -> torch.Tensor:
    """Shift and stretch each channel so that a region gets the mean and spread of another image's region.

    Args:
        image: float (B, C, *S).
        region: bool (B, 1, *S).
        like: float (B, C, *S), the other images.
        like_region: bool (B, 1, *S).

    Returns:
        (B, C, *S); an image whose region, or the other's, is empty comes back as it is.

    Example:
        >>> image, like = torch.tensor([[[1.0, 3.0, 9.0]]]), torch.tensor([[[10.0, 30.0, 0.0]]])
        >>> region = torch.tensor([[[True, True, False]]])
        >>> match_intensities(image, region, like, region).tolist()
        [[[10.0, 30.0, 90.0]]]
    """
    mean, spread = _moments(image, region)
    like_mean, like_spread = _moments(like, like_region)
    matched = like_mean + (image - mean) * (like_spread / spread.clamp(min=_SMALLEST))
    axes = tuple(range(1, region.ndim))
    both = region.any(dim=axes, keepdim=True) & like_region.any(dim=axes, keepdim=True)
    return torch.where(both, matched, image)


def feathered(mask: torch.Tensor, feather: Sequence[int]) -> torch.Tensor:
    """Weights that rise from 0 to 1 across the border of a mask: its mean over a box round each voxel.

    Args:
        mask: bool (B, 1, X, Y, Z).
        feather: half the box along each axis, f; the weight rises over 2 f + 1 voxels and is even at the image's end.

    Returns:
        float32 (B, 1, X, Y, Z).

    Example:
        >>> mask = torch.tensor([0, 0, 1, 1, 1, 0, 0], dtype=torch.bool).view(1, 1, 7, 1, 1)
        >>> [round(weight, 2) for weight in feathered(mask, (1, 0, 0)).flatten().tolist()]
        [0.0, 0.33, 0.67, 1.0, 0.67, 0.33, 0.0]
    """
    window, margin = [2 * f + 1 for f in feather], [f for f in reversed(feather) for _ in range(2)]
    return avg_pool3d(pad(mask.float(), margin, mode="replicate"), window, stride=1)


def grown(mask: torch.Tensor, by: Sequence[int]) -> torch.Tensor:
    """A mask (B, 1, X, Y, Z) and what lies at most so many voxels away from it along each axis."""
    return max_pool3d(mask.float(), [2 * n + 1 for n in by], stride=1, padding=list(by)) > 0


def paste(
    image: torch.Tensor, source: torch.Tensor, weight: torch.Tensor, alpha: torch.Tensor | float = 1.0
) -> torch.Tensor:
    """Blend ``source`` into ``image``: (1 - α w)·image + α w·source.

    Args:
        image: float (B, C, *S).
        source: float (B, C, *S).
        weight: w (B, 1, *S), a mask or numbers from 0 to 1.
        alpha: one number, or (B,) one per sample.

    Example:
        >>> image, source = torch.zeros(1, 1, 4), torch.ones(1, 1, 4)
        >>> mask = torch.tensor([[[False, True, True, False]]])
        >>> paste(image, source, mask, alpha=0.75).tolist()
        [[[0.0, 0.75, 0.75, 0.0]]]
    """
    if isinstance(alpha, torch.Tensor):
        alpha = alpha.to(image, non_blocking=True).view(-1, *[1] * (image.ndim - 1))
    if weight.dtype == torch.bool:
        return torch.where(weight, (1 - alpha) * image + alpha * source, image)
    share = (alpha * weight).to(image.dtype)
    return torch.where(weight > 0, (1 - share) * image + share * source, image)


def _moments(image: torch.Tensor, region: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of each channel in a region: two (B, C, 1, …)."""
    axes = tuple(range(2, image.ndim))
    count = region.sum(dim=axes, keepdim=True).clamp(min=1)
    mean = (image * region).sum(dim=axes, keepdim=True) / count
    return mean, (((image - mean) ** 2 * region).sum(dim=axes, keepdim=True) / count).sqrt()

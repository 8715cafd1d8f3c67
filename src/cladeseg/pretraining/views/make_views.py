"""From a batch of regions to overlapping views that differ in place, modalities, intensities and masked blocks."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor

from cladeseg.pretraining.views.block_mask import block_mask
from cladeseg.pretraining.views.modalities import draw_modalities, present_modalities
from cladeseg.pretraining.views.overlap import crop_views, draw_places, draw_starts, values_at
from cladeseg.segmentation.transforms.compose_batch import Augmentation


class Views(NamedTuple):
    """V views of B cases.

    Attributes:
        inputs: (V, B, C, *S) what the network sees: 0 where a modality or block is hidden.
        targets: (V, B, C, *S) the image there, without changes of its intensities.
        hidden: bool (V, B, C, *S), voxels that an image has and the network does not see.
        nodes: (V, B, 1, *S) node map.
        shown: bool (V, B, C), modalities of each view.
        present: bool (V, B), views that show any modality.
        places: long (B, P, D), voxels of the region that all views of a case hold.
        in_view: long (V, B, P, D), the same places as voxels of each view.
        informative: bool (B, P), places where an image lies.
    """

    inputs: Tensor
    targets: Tensor
    hidden: Tensor
    nodes: Tensor
    shown: Tensor
    present: Tensor
    places: Tensor
    in_view: Tensor
    informative: Tensor

    @property
    def missing(self) -> int:
        """Views that show nothing."""
        return int((~self.present).sum())


def region_size(size: Sequence[int], shift: float) -> tuple[int, ...]:
    """Voxels of a region in which crops of a size lie up to a share of it apart.

    Example:
        >>> region_size((32, 48, 8), 0.25)
        (40, 60, 10)
    """
    return tuple(voxels + ceil(shift * voxels) for voxels in size)


class MakeViews:
    """Callable that makes the views of a batch; its randomness comes from the generator alone.

    Change of shape is drawn once for a region, so that a place is the same voxel in all its views; place, modalities,
    intensities and masked blocks are drawn for each view.

    Args:
        size: voxels of a view.
        views: V, at least 1.
        points: P, places of a case whose features are compared.
        modality_dropout: chance that a view shows a random part of its modalities.
        mask_ratio: share of a view's blocks that is hidden.
        block: voxels of a block.
        shape: batched augmentation of regions; ``None`` for none.
        intensity: batched augmentation of views that moves nothing; ``None`` for none.

    Raises:
        ValueError: fewer than one view.
    """

    def __init__(
        self,
        *,
        size: Sequence[int],
        views: int = 2,
        points: int = 64,
        modality_dropout: float = 0.5,
        mask_ratio: float = 0.0,
        block: Sequence[int] = (8, 8, 8),
        shape: Augmentation | None = None,
        intensity: Augmentation | None = None,
    ) -> None:
        if views < 1:
            raise ValueError(f"views: {views} should be at least 1")
        self.size = tuple(size)
        self.views = views
        self.points = points
        self.modality_dropout = modality_dropout
        self.mask_ratio = mask_ratio
        self.block = tuple(block)
        self.shape = shape
        self.intensity = intensity

    def __call__(
        self,
        images: Tensor,
        nodes: Tensor,
        generator: torch.Generator,
        *,
        array_axes: Tensor | None = None,
        valid: Tensor | None = None,
    ) -> Views:
        """Make views.

        Args:
            images: float (B, C, *R), regions; a missing modality is 0 everywhere.
            nodes: integer (B, 1, *R).
            generator: CPU generator.
            array_axes: long (B, 3) on the CPU, see :class:`~cladeseg.segmentation.transforms.BatchAugment`.
            valid: bool (B, 1, *R), where there is an image; ``None`` for everywhere.
        """
        present = present_modalities(images)
        if valid is None:
            valid = torch.ones_like(nodes, dtype=torch.bool)
        if self.shape is not None:
            images, nodes, valid = self._moved(images, nodes, valid, generator, array_axes)
        starts = draw_starts(self.views, len(images), images.shape[2:], self.size, generator)
        shown = draw_modalities(present, self.views, self.modality_dropout, generator)
        image_lies = valid & (images != 0).any(dim=1, keepdim=True)
        places = draw_places(starts, self.size, image_lies[:, 0], self.points, generator)
        targets, lies = (crop_views(each, starts, self.size) for each in (images, image_lies))
        inputs, masked = self._seen(targets, shown, generator, array_axes)
        there = present[None, :, :, None, None, None] & lies
        return Views(
            inputs=inputs,
            targets=targets,
            hidden=there & (masked | ~shown[..., None, None, None]),
            nodes=crop_views(nodes, starts, self.size),
            shown=shown,
            present=shown.any(dim=2),
            places=places,
            in_view=places[None] - starts[:, :, None],
            informative=values_at(image_lies, places)[..., 0],
        )

    def _moved(
        self, images: Tensor, nodes: Tensor, valid: Tensor, generator: torch.Generator, array_axes: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Change the shape; beyond the field of view nothing is valid (the augmentation writes the root there)."""
        if self.shape is None:
            return images, nodes, valid
        maps = torch.cat([nodes, (~valid).to(nodes.dtype)], dim=1)
        images, maps = self.shape(images, maps, generator, array_axes)
        return images, maps[:, :1], maps[:, 1:] == 0

    def _seen(
        self, targets: Tensor, shown: Tensor, generator: torch.Generator, array_axes: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """What the network sees, and which blocks are masked (V, B, 1, *S)."""
        flat = targets.flatten(0, 1)
        if self.intensity is not None:
            axes = None if array_axes is None else array_axes.repeat(len(targets), 1)
            nothing = torch.zeros_like(flat[:, :1], dtype=torch.uint8)
            flat, _ = self.intensity(flat, nothing, generator, axes)
        masked = block_mask(len(flat), self.size, self.block, self.mask_ratio, generator).to(flat.device)
        seen = flat.masked_fill(masked | ~shown.flatten(0, 1)[..., None, None, None], 0.0)
        return seen.unflatten(0, targets.shape[:2]), masked.unflatten(0, targets.shape[:2])

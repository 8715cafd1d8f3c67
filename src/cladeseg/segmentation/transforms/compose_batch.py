"""Several batch augmentations, one after the other."""

from __future__ import annotations

from collections.abc import Callable

import torch

#: ``(images (B, C, *S), nodes (B, 1, *S), CPU generator, array axes (B, 3) or None) -> (images, nodes)``, as
#: ``BatchAugment`` is called.
Augmentation = Callable[
    [torch.Tensor, torch.Tensor, torch.Generator, torch.Tensor | None], tuple[torch.Tensor, torch.Tensor]
]


class ComposeBatch:
    """Apply augmentations in the given order, each to what the one before returned.

    Args:
        augmentations: each called with (images, nodes, generator, array axes); ``None`` stands for one that is switched
            off.

    Example:
        >>> from cladeseg.segmentation.transforms import ModalityDropout
        >>> augment = ComposeBatch(None, ModalityDropout(channels=2, probability=1))
        >>> images, _ = augment(torch.ones(1, 2, 1), torch.zeros(1, 1, 1), torch.Generator().manual_seed(0))
        >>> images.sum().item()  # one of two modalities is left
        1.0
    """

    def __init__(self, *augmentations: Augmentation | None) -> None:
        self.augmentations = tuple(augment for augment in augmentations if augment is not None)

    def __call__(
        self,
        images: torch.Tensor,
        nodes: torch.Tensor,
        generator: torch.Generator,
        array_axes: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return images (B, C, *S) and nodes (B, 1, *S) after all of them; all draw from the one generator."""
        for augment in self.augmentations:
            images, nodes = augment(images, nodes, generator, array_axes)
        return images, nodes

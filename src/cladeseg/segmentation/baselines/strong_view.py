"""Strong views: the intensity of an already weakly augmented batch is changed, its shape is not."""

from __future__ import annotations

import torch
from torch import Tensor

from cladeseg.segmentation.transforms import BatchAugment
from cladeseg.taxonomy import Taxonomy


class StrongView:
    """Blur, brightness, contrast, gamma and noise, so that labels stay where they are.

    The ranges are wider than those of the weak augmentation; UniMatch's code for ACDC changes brightness and contrast
    by up to one half, with probability 0.8, and blurs by 0.1 to 2 voxels.

    Args:
        taxonomy: the tree.
        noise: largest standard deviation of Gaussian noise, in z-scores.
        blur: range of the standard deviation of an in-plane Gaussian, in voxels.
        brightness: largest shift, in z-scores.
        contrast: range of the factor on the distance from the channel's mean.
        gamma: range of the exponent on intensities rescaled to 0…1.
        probability: chance of each change, per sample.

    Raises:
        ValueError: an empty range, or a factor or exponent that is not positive.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        *,
        noise: float = 0.2,
        blur: tuple[float, float] = (0.1, 2.0),
        brightness: float = 0.5,
        contrast: tuple[float, float] = (0.5, 1.5),
        gamma: tuple[float, float] = (0.5, 2.0),
        probability: float = 0.8,
    ) -> None:
        self.augment = BatchAugment(
            taxonomy,
            rotate_degrees=(0, 0, 0),
            scale=(1, 1),
            translate_voxels=(0, 0, 0),
            flips=(),
            noise=noise,
            blur=blur,
            brightness=brightness,
            contrast=contrast,
            gamma=gamma,
            probability=probability,
        )

    @torch.no_grad()
    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """A strong view (B, C, X, Y, Z) of images (B, C, X, Y, Z); the CPU generator alone decides the result."""
        nothing = torch.zeros_like(images[:, :1], dtype=torch.uint8)
        return self.augment(images, nothing, generator)[0]

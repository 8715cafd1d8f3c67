"""Which modalities a view shows: some of those that the case has."""

from __future__ import annotations

import torch
from torch import Tensor


def present_modalities(images: Tensor) -> Tensor:
    """Bool (B, C): which modalities of a patch hold an image; a missing one is 0 everywhere.

    Example:
        >>> images = torch.zeros(1, 2, 4, 4, 4)
        >>> images[0, 1, 2] = 1.0
        >>> present_modalities(images).tolist()
        [[False, True]]
    """
    return (images != 0).flatten(2).any(dim=2)


def draw_modalities(present: Tensor, views: int, probability: float, generator: torch.Generator) -> Tensor:
    """Draw the modalities of each view: all that are there, or with some probability a random part of them.

    A part is drawn by keeping each modality with one half and one of them for certain, so that a case with any modality
    is seen in every view.  Views of one case are drawn apart: one may show T1 alone, the other FLAIR and T2.

    Args:
        present: bool (B, C), see :func:`present_modalities`.
        views: V.
        probability: chance of a part, for each view of each case.
        generator: CPU generator; its state alone decides.

    Returns:
        Bool (V, B, C) on the device of ``present``.

    Example:
        >>> present = torch.tensor([[True, True, False]])
        >>> shown = draw_modalities(present, 9, 1.0, torch.Generator().manual_seed(0))
        >>> bool(shown.any(dim=2).all()), bool(shown[..., 2].any())
        (True, False)
    """
    shape = (views, *present.shape)
    part = torch.rand(shape[:2], generator=generator) < probability
    coins = torch.rand(shape, generator=generator) < 0.5
    there = present.cpu().expand(shape)
    # The certain one: the largest of random numbers among those that are there.
    ranks = torch.rand(shape, generator=generator).masked_fill(~there, -1.0)
    certain = torch.zeros(shape, dtype=torch.bool).scatter(2, ranks.argmax(dim=2, keepdim=True), True)
    return (there & (coins | certain | ~part[..., None])).to(present.device)

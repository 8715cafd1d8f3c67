"""Modality dropout: a network that is to do without a modality at test must have done without it in training."""

from __future__ import annotations

import torch
from torch import Tensor


def drop_modalities(present: Tensor, rate: float, *, generator: torch.Generator) -> Tensor:
    """Hide one modality of some of the patients who have both.

    Args:
        present: bool (B, 2), whether each patient has tiles and expression.
        rate: share of those with both who lose one; which one is a fair draw.
        generator: of the draws.

    Returns:
        bool (B, 2); nobody who had a modality is left without any.

    Example:
        >>> drop_modalities(torch.ones(4, 2, dtype=torch.bool), 1.0, generator=torch.Generator()).sum(dim=1).tolist()
        [1, 1, 1, 1]
    """
    chance, side = torch.rand(2, len(present), generator=generator, device=generator.device).to(present.device)
    lost = present.all(dim=1) & (chance < rate)
    which = torch.stack([side < 0.5, side >= 0.5], dim=1)
    return present & ~(lost[:, None] & which)

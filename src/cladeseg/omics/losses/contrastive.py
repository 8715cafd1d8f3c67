"""InfoNCE between two views of the same patients, both ways."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def info_nce(one: Tensor, other: Tensor, temperature: float = 0.5) -> Tensor:
    """GRACE's loss (Zhu et al., arXiv 2006.04131): a patient's other view against all other patients of both views.

    Args:
        one: (N, K) projections of the first view.
        other: (N, K) of the second.
        temperature: τ of the cosine similarities.

    Example:
        >>> views = torch.eye(2)
        >>> loss = info_nce(views, views, temperature=1.0)  # log(e + 1 + 1) - 1
        >>> round(loss.item(), 4)
        0.5514
    """
    a, b = normalize(one, dim=1), normalize(other, dim=1)
    return 0.5 * (_one_way(a, b, temperature) + _one_way(b, a, temperature))


def _one_way(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    across, within = a @ b.T / temperature, a @ a.T / temperature
    itself = torch.eye(len(a), dtype=torch.bool, device=a.device)
    everyone = torch.cat([across, within.masked_fill(itself, -torch.inf)], dim=1)
    return (everyone.logsumexp(dim=1) - across.diagonal()).mean()

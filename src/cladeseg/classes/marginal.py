"""-log p(node) of patients of whom a node of the class tree is known."""

from __future__ import annotations

import torch
from torch import Tensor

_IMPOSSIBLE = -1e9


def marginal_loss(log_p: Tensor, possible: Tensor, weights: Tensor) -> Tensor:
    """Σ weight · -log Σ p(class) over the classes below each patient's node.

    A class label costs the ordinary cross-entropy, a superclass the one of its classes together, and the root nothing.

    Args:
        log_p: (*, N, C) log p(class), normalised over C.
        possible: bool (N, C), the classes below the known node.
        weights: of each patient, any shape that goes with (*, N).

    Example:
        >>> log_p = torch.tensor([[0.5, 0.25, 0.25]]).log()
        >>> round(marginal_loss(log_p, torch.tensor([[True, True, False]]), torch.ones(1)).item(), 4)  # -log 0.75
        0.2877
    """
    hidden = (~possible).to(log_p.dtype) * _IMPOSSIBLE
    return -(weights * (log_p + hidden).logsumexp(dim=-1)).sum()


def class_weights(possible: Tensor, known: Tensor) -> Tensor:
    """Weights (N,) inverse to the frequency of each patient's class, one on average; 0 where nothing is known.

    A superclass stands for as much as its classes do together, each counted by its frequency among patients whose class
    is known.

    Args:
        possible: bool (N, C).
        known: bool (N,), whether the patient's label may be used.

    Example:
        >>> possible = torch.tensor([[True, False], [True, False], [True, False], [False, True], [True, True]])
        >>> class_weights(possible, torch.tensor([True, True, True, True, False])).tolist()
        [0.6666666865348816, 0.6666666865348816, 0.6666666865348816, 2.0, 0.0]
    """
    informative = known & ~possible.all(dim=1)
    fine = informative & (possible.sum(dim=1) == 1)
    counts = possible[fine].sum(dim=0).float()
    of_class = torch.where(counts > 0, counts.sum() / ((counts > 0).sum() * counts.clamp_min(1)), 0.0)
    share = possible * counts
    weights = (share * of_class).sum(dim=1) / share.sum(dim=1).clamp_min(1)
    return torch.where(informative, weights, 0.0)

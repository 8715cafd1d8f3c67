"""Confidence regressed to the probability that a head gives the true class."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def confidence_loss(logit: Tensor, true_probability: Tensor) -> Tensor:
    """Cross-entropy of σ(logit) with the probability of the true class, which is detached; least where both agree.

    Args:
        logit: (N,) of the confidence.
        true_probability: (N,) that the head gives the true node.

    Example:
        >>> import torch
        >>> round(confidence_loss(torch.zeros(1), torch.ones(1)).item(), 4)  # log 2
        0.6931
    """
    return binary_cross_entropy_with_logits(logit, true_probability.detach())

"""Cross-omics distillation: for each patient the more confident head teaches the less confident one, both ways."""

from __future__ import annotations

import torch
from torch import Tensor


def teaching_weights(confidence: Tensor) -> Tensor:
    """How much head a teaches head b: max(0, c_a - c_b), detached.

    Args:
        confidence: (H, N) of H heads.

    Returns:
        (H, H, N), teacher first.

    Example:
        >>> teaching_weights(torch.tensor([[0.75], [0.25]])).flatten().tolist()
        [0.0, 0.5, 0.0, 0.0]
    """
    given = confidence.detach()
    return (given.unsqueeze(1) - given.unsqueeze(0)).clamp_min(0)


def hard_targets(log_p: Tensor, weights: Tensor) -> Tensor:
    """What each head is taught: every teacher's most probable class with its weight, summed over the teachers.

    Args:
        log_p: (H, N, C) of the teachers.
        weights: (H, H, N), see :func:`teaching_weights`.

    Returns:
        (H, N, C) of the pupils, detached; a row sums to the weights of the patient's teachers.
    """
    classes = log_p.detach().argmax(dim=-1)
    chosen = torch.nn.functional.one_hot(classes, log_p.shape[-1]).to(log_p.dtype)
    return torch.einsum("abn,anc->bnc", weights.detach(), chosen)


def soft_targets(log_p: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """As :func:`hard_targets`, with the teachers' probabilities at a temperature in place of their classes."""
    softened = (log_p.detach() / temperature).softmax(dim=-1)
    return torch.einsum("abn,anc->bnc", weights.detach(), softened)


def distillation_loss(logits: Tensor, targets: Tensor, temperature: float = 1.0) -> Tensor:
    """T² · Σ targets · -log softmax(logits / T), which has the gradient of the weighted KL divergence.

    Args:
        logits: (*, N, C) of the pupils.
        targets: the same shape, weighted; nothing flows into them.
        temperature: T; 1 for hard targets (Hinton et al., arXiv 1503.02531).
    """
    return -(temperature**2) * (targets.detach() * (logits / temperature).log_softmax(dim=-1)).sum()

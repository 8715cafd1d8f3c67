"""Who teaches whom: what is fused teaches every head, the more so the less confident the head is itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from cladeseg.omics.losses import hard_targets, soft_targets, teaching_weights
from cladeseg.omics.model.options import ModelOptions
from cladeseg.omics.model.subsets import Subset


class Teaching:
    """Targets of all heads.

    Every ordered pair of heads takes part, weighted by the difference of their confidence: the paper's rule, with the
    weight ``pair_weight``.  Besides, what is fused teaches all by its confidence: heads without the lead omics as
    labels do, heads with it, whose opinion it mostly is, less.

    Args:
        options: see :class:`ModelOptions`.
        subsets: omics of each head.
        lead: the omics that is best on validation rows.
    """

    def __init__(self, options: ModelOptions, subsets: Sequence[Subset], lead: int) -> None:
        self.options = options
        self.subsets = subsets
        self.leading = torch.tensor([lead in subset for subset in subsets])

    def targets(
        self, log_p: Tensor, sure: Tensor, fused: Tensor, *, taught: Tensor, possible: Tensor, present: np.ndarray
    ) -> Tensor:
        """Weighted targets (F, H, N, C); nothing flows back into the teachers.

        Args:
            log_p: (F, H, N, C) of the heads.
            sure: (F, H, N) their confidence.
            fused: (F, N, C) of the teacher.
            taught: bool (F, N), who takes part.
            possible: bool (N, C), to which a patient's known superclass restricts what is taught.
            present: bool (N, M).
        """
        allowed = (~possible).to(fused.dtype) * -1e9
        teacher = (fused.detach() + allowed).log_softmax(dim=-1)
        sets = zip(log_p, sure, teacher, taught, strict=True)
        return torch.stack([self._of_set(*one, present=present) for one in sets])

    def _of_set(self, log_p: Tensor, sure: Tensor, teacher: Tensor, free: Tensor, *, present: np.ndarray) -> Tensor:
        has = torch.stack([torch.from_numpy(present[:, list(s)].all(axis=1)) for s in self.subsets])
        trust = (
            teacher.exp().max(dim=-1).values
            if self.options.confidence
            else torch.ones(len(teacher), dtype=teacher.dtype)
        )
        own = sure if self.options.confidence else torch.zeros_like(sure)
        weights = torch.zeros(1 + len(sure), len(sure), len(trust), dtype=teacher.dtype)
        share = torch.where(self.leading, self.options.self_weight, self.options.taught_weight)
        weights[0] = share[:, None] * trust[None]
        weights[1:] = self.options.pair_weight * self._of_pairs(own)
        weights = weights * has[None] * free
        given = torch.cat([teacher[None], log_p])
        square = torch.cat([torch.zeros(len(weights), 1, len(trust), dtype=weights.dtype), weights], dim=1)
        if self.options.targets == "hard":
            return hard_targets(given, square)[1:]
        return soft_targets(given, square, self.options.temperature)[1:]

    def _of_pairs(self, own: Tensor) -> Tensor:
        """(H, H, N) of :func:`teaching_weights`; without confidence every head teaches every other one alike."""
        if self.options.confidence:
            return teaching_weights(own)
        return (1 - torch.eye(len(own), dtype=own.dtype))[:, :, None].expand(-1, -1, own.shape[1])


def balanced(targets: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Weigh labels and what is taught together so that every class counts the same; their sum stays.

    Args:
        targets: (*, N, C) of what is taught.
        labels: (*, N, C) one-hot of known classes, zero for other patients.

    Returns:
        Targets (*, N, C), and weights (*, N) of the labels.

    Example:
        >>> targets, labels = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]), torch.eye(3, 2).flip(0)
        >>> balanced(targets, labels)[0].sum(dim=0).tolist(), balanced(targets, labels)[1].tolist()
        ([1.3333333730697632, 0.0], [0.0, 2.0, 0.6666666865348816])
    """
    of_class = (targets + labels).sum(dim=-2, keepdim=True)
    share = of_class.sum(dim=-1, keepdim=True) / (of_class > 0).sum(dim=-1, keepdim=True).clamp_min(1)
    factor = torch.where(of_class > 0, share / of_class.clamp_min(1e-12), 0.0)
    return targets * factor, (labels * factor).sum(dim=-1)

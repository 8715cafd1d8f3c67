"""SupCon: features of one class attract each other."""

from __future__ import annotations

import torch
from torch import Tensor

from cladeseg.pretraining.losses.contrastive_loss import ContrastiveLossBase, check_labels
from cladeseg.pretraining.losses.row_blocks import PairWeights, anchor_losses


class SupConLoss(ContrastiveLossBase):
    r"""Supervised contrast (Khosla et al., arXiv 2004.11362, equation 2).

    .. math:: \frac{-1}{|P(i)|} \sum_{p \in P(i)} \log \frac{\exp(s_{ip}/τ)}{\sum_{k \ne i} \exp(s_{ik}/τ)}

    P(i) are the other features with the label of i.  Anchors without any are skipped and counted.

    Args:
        temperature: τ.
        reduction: over the anchors with positives.

    Example:
        >>> loss = SupConLoss(temperature=1.0)
        >>> features = torch.eye(3)
        >>> round(loss(features, torch.tensor([4, 4, 7])).item(), 4), loss.skipped  # log(1 + 1)
        (0.6931, 1)
    """

    def forward(self, features: Tensor, target: Tensor) -> Tensor:
        """Loss of labelled features.

        Args:
            features: (N, F) features of any length.
            target: whole numbers (N,), their labels.

        Raises:
            ValueError: shapes that do not fit together, labels that are no whole numbers, or a batch of one.
        """
        check_labels(features, target)
        return self._reduce(anchor_losses(features, features, self._pairs_of(target), self.temperature))

    def _pairs_of(self, labels: Tensor) -> LabelPairs:
        classes, index = labels.unique(return_inverse=True)
        return LabelPairs(index, torch.eye(len(classes), device=labels.device))


class LabelPairs:
    """Pairs weigh what a table says of their labels; everything but the anchor itself stands in the denominator.

    Args:
        labels: long (N,), of anchors and keys alike.
        table: (K, K), weight of a pair by its two labels.
    """

    def __init__(self, labels: Tensor, table: Tensor) -> None:
        self.labels = labels
        self.table = table

    def __call__(self, rows: Tensor, logits: Tensor) -> PairWeights:
        """See :class:`~cladeseg.pretraining.losses.row_blocks.Pairs`."""
        weights = self.table[self.labels[rows]][:, self.labels].to(logits.dtype)
        own = rows[:, None]
        log_factors = torch.zeros_like(logits).scatter_(1, own, -torch.inf)
        return PairWeights(weights.scatter(1, own, 0.0), log_factors)

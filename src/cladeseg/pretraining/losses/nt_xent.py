"""NT-Xent: two views of a case attract each other, those of other cases repel."""

from __future__ import annotations

import torch
from torch import Tensor

from cladeseg.pretraining.losses.contrastive_loss import ContrastiveLossBase, check_views
from cladeseg.pretraining.losses.row_blocks import PairWeights, anchor_losses


class NTXentLoss(ContrastiveLossBase):
    r"""Normalised temperature-scaled cross-entropy (Chen et al., SimCLR, arXiv 2002.05709, equation 1).

    .. math:: -\log \frac{\exp(s_{i,p(i)} / τ)}{\sum_{k \ne i} \exp(s_{ik} / τ)}

    over the 2B views, where p(i) is the other view of the same case.  The value is that of
    ``monai.losses.ContrastiveLoss``, which keeps (2B, 2B, F) numbers, and exponentials that overflow: at B = 1024 it
    needs gigabytes, and at τ = .01 it is not finite.

    Args:
        temperature: τ.
        reduction: over the 2B anchors.

    Example:
        >>> loss = NTXentLoss(temperature=1.0)
        >>> same = torch.eye(2)
        >>> round(loss(same, same).item(), 4)  # -log(e / (e + 1 + 1))
        0.5514
    """

    def forward(self, features: Tensor, target: Tensor) -> Tensor:
        """Loss of two views.

        Args:
            features: (B, F) features of the first view, of any length.
            target: (B, F) those of the second, case by case.

        Raises:
            ValueError: the shapes differ, or there is one case only.
        """
        check_views(features, target)
        both = torch.cat([features, target])
        return self._reduce(anchor_losses(both, both, OtherView(len(both)), self.temperature))


class OtherView:
    """Anchor i's only positive is i ± N/2; everything but itself stands in the denominator.

    Args:
        anchors: their number N.
    """

    def __init__(self, anchors: int) -> None:
        self.anchors = anchors

    def __call__(self, rows: Tensor, logits: Tensor) -> PairWeights:
        """See :class:`~cladeseg.pretraining.losses.row_blocks.Pairs`."""
        partner = (rows + self.anchors // 2) % self.anchors
        positives = torch.zeros_like(logits).scatter_(1, partner[:, None], 1.0)
        log_factors = torch.zeros_like(logits).scatter_(1, rows[:, None], -torch.inf)
        return PairWeights(positives, log_factors)

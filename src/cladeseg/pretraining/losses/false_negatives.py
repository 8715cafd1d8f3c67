"""Negatives that look like the anchor count less: they may be of its own class."""

from __future__ import annotations

import torch
from monai.utils import LossReduction
from torch import Tensor

from cladeseg.pretraining.losses.contrastive_loss import check_temperature
from cladeseg.pretraining.losses.multi_view import MultiViewLoss, Places, SameItem
from cladeseg.pretraining.losses.row_blocks import Pairs, PairWeights


class FalseNegativeLoss(MultiViewLoss):
    r"""The full graph of views with weighted negatives (after Zheng et al., HeroCon, KDD 2022).

    A negative k of anchor i has the factor

    .. math:: f_{ik} = (N - 1) \frac{\exp(-s_{ik} / T)}{\sum_j \exp(-s_{ij} / T)}

    over the N - 1 negatives: normalised to a mean of 1, so that the positive keeps its share, and detached.  With a
    gradient through the weights and T = τ every negative would cancel exactly, exp(s/τ) · exp(-s/τ) = 1, and nothing
    would repel.

    Args:
        temperature: τ.
        weight_temperature: T; large values come close to :class:`MultiViewLoss`.
        reduction: as there.
    """

    def __init__(
        self,
        temperature: float = 0.1,
        weight_temperature: float = 1.0,
        reduction: LossReduction | str = LossReduction.MEAN,
    ) -> None:
        super().__init__(temperature, reduction)
        self.weight_temperature = check_temperature("weight_temperature", weight_temperature)

    def _pairs_of(self, kept: Tensor, places: Places | None) -> Pairs:
        plain = SameItem(None if places is None else places.at(kept))
        return WeightedNegatives(plain, self.temperature / self.weight_temperature)


class WeightedNegatives:
    """The same pairs, with factors of negatives that fall with their similarity.

    Args:
        pairs: says which keys are negatives at all.
        ratio: τ / T; a negative's factor is proportional to exp(-ratio · logit).
    """

    def __init__(self, pairs: Pairs, ratio: float) -> None:
        self.pairs = pairs
        self.ratio = ratio

    def __call__(self, rows: Tensor, logits: Tensor) -> PairWeights:
        """See :class:`~cladeseg.pretraining.losses.row_blocks.Pairs`."""
        positives, log_factors = self.pairs(rows, logits)
        negative = (positives == 0) & (log_factors > -torch.inf)
        weight = (-self.ratio * logits.detach()).masked_fill(~negative, -torch.inf)
        count = negative.sum(dim=1, keepdim=True).clamp(min=1)
        # A row without negatives has no weights to normalise.
        total = weight.masked_fill(~negative.any(dim=1, keepdim=True), 0.0).logsumexp(dim=1, keepdim=True)
        return PairWeights(positives, torch.where(negative, weight - total + count.log(), log_factors))

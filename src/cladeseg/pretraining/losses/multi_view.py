"""Every pair of views of a case attracts, over the full graph of views, some of which may be missing."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import torch
from monai.utils import LossReduction
from torch import Tensor

from cladeseg.pretraining.losses.contrastive_loss import ContrastiveLossBase
from cladeseg.pretraining.losses.row_blocks import AnchorLosses, Pairs, PairWeights, anchor_losses


class Places(NamedTuple):
    """Where N features come from, so that neighbours in one image are no negatives of each other.

    Attributes:
        case: long (N,), which image.
        position: float (N, 3), where in it, in voxels or mm.
        min_distance: features of one image that are closer than this neither attract nor repel each other.
    """

    case: Tensor
    position: Tensor
    min_distance: float

    def at(self, index: Tensor) -> Places:
        """Those of some features."""
        return Places(self.case[index], self.position[index], self.min_distance)


class MultiViewLoss(ContrastiveLossBase):
    r"""Full graph over V views: :math:`\sum_{a<b}` of the symmetric cross-entropy of CLIP between views a and b.

    For a case i seen in both views a and b the term is

    .. math::
        \tfrac12 \left( -\log \frac{\exp(s^{ab}_{ii}/τ)}{\sum_k \exp(s^{ab}_{ik}/τ)}
        -\log \frac{\exp(s^{ab}_{ii}/τ)}{\sum_k \exp(s^{ab}_{ki}/τ)} \right)

    with k over the cases that are seen in both (Tian et al., CMC, arXiv 1906.05849, equation 9; Radford et al., CLIP,
    arXiv 2103.00020).  A missing view drops the pairs that it is part of; the mean is over the pairs that are kept.

    Args:
        temperature: τ.
        reduction: ``"mean"`` over the kept (pair of views, case), ``"sum"``, or ``"none"`` for (V (V - 1) / 2, B)
            values, pairs of views in lexical order.

    Attributes:
        skipped: (pair of views, case) that were dropped in the last call, for a missing view or for want of negatives.
    """

    def forward(self, features: Tensor, target: Tensor | None = None, places: Places | None = None) -> Tensor:
        """Loss of V views.

        Args:
            features: (V, B, F) features of any length; those of missing views are not looked at.
            target: bool (V, B), which views are there; ``None`` for all.
            places: where the B features lie, if some of them are neighbours.

        Raises:
            ValueError: a single view or a single case, or shapes that do not fit together.
        """
        present = _check_full_graph(features, target)
        terms = [
            self._pair(features[a], features[b], present[a] & present[b], places) for a, b in _pairs(len(features))
        ]
        losses = AnchorLosses(*(torch.cat(part) for part in zip(*terms, strict=True)))
        reduced = self._reduce(losses)
        return reduced.view(len(terms), -1) if self.reduction == LossReduction.NONE.value else reduced

    def _pair(self, one: Tensor, other: Tensor, both: Tensor, places: Places | None) -> AnchorLosses:
        kept = both.nonzero().flatten()
        if len(kept) < 2:  # no negatives
            return AnchorLosses(one.new_zeros(len(one)).float(), torch.zeros_like(both))
        pairs = self._pairs_of(kept, places)
        forth = anchor_losses(one[kept], other[kept], pairs, self.temperature)
        back = anchor_losses(other[kept], one[kept], pairs, self.temperature)
        values = (forth.values + back.values) / 2
        return AnchorLosses(values.new_zeros(len(one)).index_put((kept,), values), both)

    def _pairs_of(self, kept: Tensor, places: Places | None) -> Pairs:
        return SameItem(None if places is None else places.at(kept))


class SameItem:
    """Query i's positive is key i; the denominator holds every key but those of neighbours.

    Args:
        places: where the features lie; ``None`` if there are no neighbours.
    """

    def __init__(self, places: Places | None = None) -> None:
        self.places = places

    def __call__(self, rows: Tensor, logits: Tensor) -> PairWeights:
        """See :class:`~cladeseg.pretraining.losses.row_blocks.Pairs`."""
        own = rows[:, None] == torch.arange(logits.shape[1], device=logits.device)
        log_factors = torch.zeros_like(logits)
        if self.places is not None:
            log_factors = log_factors.masked_fill(near(self.places, rows) & ~own, -torch.inf)
        return PairWeights(own.to(logits.dtype), log_factors)


def near(places: Places, rows: Tensor) -> Tensor:
    """Bool (R, N): whether feature k lies in the same image as feature rows[i], closer than the least distance."""
    same = places.case[rows][:, None] == places.case
    distance = torch.cdist(places.position[rows].float(), places.position.float())
    return same & (distance < places.min_distance)


def _pairs(views: int) -> list[tuple[int, int]]:
    return list(combinations(range(views), 2))


def _check_full_graph(views: Tensor, present: Tensor | None) -> Tensor:
    if views.ndim != 3:
        raise ValueError(f"features must be (V, B, F), are {tuple(views.shape)}")
    if len(views) < 2:
        raise ValueError("one view has nothing to be compared with: contrast needs two views or more")
    if views.shape[1] < 2:
        raise ValueError("a batch of one case has no negatives: contrast needs two cases or more")
    if present is None:
        return torch.ones(views.shape[:2], dtype=torch.bool, device=views.device)
    if present.shape != views.shape[:2] or present.dtype is not torch.bool:
        raise ValueError(f"which views are there must be bool {tuple(views.shape[:2])}, is {present.dtype} "
                         f"{tuple(present.shape)}")  # fmt: skip
    return present

"""MaskCon: the coarse class is known, the fine one is wanted."""

from __future__ import annotations

import torch
from monai.utils import LossReduction
from torch import Tensor

from cladeseg.pretraining.losses.contrastive_loss import (
    ContrastiveLossBase,
    check_labels,
    check_temperature,
    check_views,
)
from cladeseg.pretraining.losses.row_blocks import PairWeights, anchor_losses, unit_rows

#: Label of a place in the queue that nothing was written to yet.
_EMPTY = -1


class MaskConLoss(ContrastiveLossBase):
    r"""Contrast with soft targets inside the coarse class (Feng and Patras, MaskCon, CVPR 2023, arXiv 2303.12756).

    The key of a query's own view has target 1.  A key k of the queue has

    .. math:: z_k = [c_k = c] \frac{\exp(s'_k / T_2)}{\max_j [c_j = c] \exp(s'_j / T_2)}

    where s' is its cosine to the query's own key and c the coarse class.  The loss is the cross-entropy of the softmax
    of s / τ over own key and queue to these targets, normalised to a sum of 1.  Targets take no gradient, nor do keys,
    which come from the averaged network.

    Args:
        features: F.
        queue: its length K, a first-in-first-out memory of keys with their coarse labels.
        temperature: τ, the paper's T1.
        target_temperature: T2.
        reduction: over the queries.
    """

    queue: Tensor
    queue_labels: Tensor
    position: Tensor

    def __init__(
        self,
        features: int,
        queue: int = 4096,
        temperature: float = 0.1,
        target_temperature: float = 0.07,
        reduction: LossReduction | str = LossReduction.MEAN,
    ) -> None:
        super().__init__(temperature, reduction)
        if queue < 1:
            raise ValueError(f"queue: {queue} should be a number of places, at least 1")
        self.target_temperature = check_temperature("target_temperature", target_temperature)
        self.register_buffer("queue", torch.zeros(queue, features))
        self.register_buffer("queue_labels", torch.full((queue,), _EMPTY))
        self.register_buffer("position", torch.zeros((), dtype=torch.long))

    def forward(self, features: Tensor, target: Tensor, labels: Tensor) -> Tensor:
        """Loss of queries, whose keys then enter the queue.

        Args:
            features: (B, F) queries, with gradient.
            target: (B, F) the keys of their other views.
            labels: whole numbers (B,), not negative: the coarse classes.

        Raises:
            ValueError: shapes that do not fit together, or a batch of one.
        """
        check_views(features, target)
        check_labels(features, labels)
        own = unit_rows(target.detach())
        filled = self.queue_labels != _EMPTY
        keys = torch.cat([own, self.queue[filled].to(own)])
        soft = SoftTargets(own, keys[len(own) :], labels, self.queue_labels[filled], self.target_temperature)
        losses = anchor_losses(features, keys, OwnAndQueue(soft), self.temperature)
        self._enqueue(own, labels)
        return self._reduce(losses)

    @torch.no_grad()
    def _enqueue(self, keys: Tensor, labels: Tensor) -> None:
        keys, labels = keys[-len(self.queue) :], labels[-len(self.queue) :]
        index = (self.position + torch.arange(len(keys), device=self.queue.device)) % len(self.queue)
        # Not in place: the backward pass computes the blocks again.
        self.queue = self.queue.index_put((index,), keys.to(self.queue))
        self.queue_labels = self.queue_labels.index_put((index,), labels.to(self.queue_labels))
        self.position = (self.position + len(keys)) % len(self.queue)


class SoftTargets:
    """Targets of the queue's K keys for a block of queries.

    Args:
        own: (B, F) unit keys of the queries' other views.
        queue: (K, F) unit keys.
        labels: (B,) coarse classes of the queries.
        queue_labels: (K,) those of the queue.
        temperature: T2.
    """

    def __init__(self, own: Tensor, queue: Tensor, labels: Tensor, queue_labels: Tensor, temperature: float) -> None:
        self.own, self.queue = own, queue
        self.labels, self.queue_labels = labels, queue_labels
        self.temperature = temperature

    @torch.no_grad()
    def __call__(self, rows: Tensor) -> Tensor:
        """(R, K), 0 outside the coarse class, 1 for the likest key inside it."""
        logits = self.own[rows] @ self.queue.T / self.temperature
        same = self.labels[rows][:, None] == self.queue_labels
        logits = logits.masked_fill(~same, -torch.inf)
        peak = logits.amax(dim=1, keepdim=True) if logits.shape[1] else logits.new_zeros(len(rows), 1)
        return (logits - torch.where(peak > -torch.inf, peak, 0.0)).exp()


class OwnAndQueue:
    """Key i of the batch is query i's own; the other keys of the batch are left out, those of the queue stay.

    Args:
        targets: of the queue.
    """

    def __init__(self, targets: SoftTargets) -> None:
        self.targets = targets

    def __call__(self, rows: Tensor, logits: Tensor) -> PairWeights:
        """See :class:`~cladeseg.pretraining.losses.row_blocks.Pairs`."""
        batch = len(self.targets.own)
        own = rows[:, None] == torch.arange(batch, device=logits.device)
        positives = torch.cat([own.to(logits.dtype), self.targets(rows).to(logits.dtype)], dim=1)
        log_factors = torch.zeros_like(logits)
        log_factors[:, :batch].masked_fill_(~own, -torch.inf)
        return PairWeights(positives, log_factors)

"""The task of telling places apart: one place attracts itself in all views, other places repel."""

from __future__ import annotations

import torch
from torch import Tensor

from cladeseg.pretraining.losses import (
    FalseNegativeLoss,
    MaskConLoss,
    MultiViewLoss,
    NTXentLoss,
    Places,
    SupConLoss,
    TreeSupConLoss,
)
from cladeseg.pretraining.losses.contrastive_loss import ContrastiveLossBase
from cladeseg.pretraining.tasks.seen import Seen, features_at
from cladeseg.taxonomy import Taxonomy

#: Losses by name; the last three need the superclass outlines.
LOSSES = ("multi_view", "false_negatives", "nt_xent", "sup_con", "tree_sup_con", "mask_con")
WITH_OUTLINES = LOSSES[3:]


class PlaceContrast:
    """Contrast of the features of single places, in the projector's space.

    Views of one place are positives whatever modalities they show: sequences of one patient are co-registered.  Places
    of the same patient that are closer than a distance are no negatives; those of other patients always are.

    Args:
        loss: one of this package's.
        min_distance: in voxels.
    """

    def __init__(self, loss: ContrastiveLossBase, *, min_distance: float = 8.0) -> None:
        self.loss = loss
        self.min_distance = min_distance

    @property
    def skipped(self) -> int:
        """Anchors, or pairs, that the last batch dropped."""
        return self.loss.skipped

    def __call__(self, seen: Seen) -> Tensor:
        """The loss of a batch."""
        self.loss.to(seen.features.device)
        projected = seen.network.project(seen.at_places())
        compared = seen.compared()
        if isinstance(self.loss, MultiViewLoss):
            return self.loss(projected, compared, places_of(seen, self.min_distance))
        if isinstance(self.loss, MaskConLoss):
            return self._with_queue(self.loss, seen, projected[0], compared)
        if isinstance(self.loss, SupConLoss):
            return self.loss(projected[compared], self._nodes(seen)[compared])
        both = compared[0] & compared[1]
        return self.loss(projected[0][both], projected[1][both]) if int(both.sum()) > 1 else projected.sum() * 0

    @staticmethod
    def _nodes(seen: Seen) -> Tensor:
        """Long (V, B·P), what is known of each place."""
        return features_at(seen.views.nodes, seen.views.in_view)[..., 0].long()

    def _with_queue(self, loss: MaskConLoss, seen: Seen, queries: Tensor, compared: Tensor) -> Tensor:
        with torch.no_grad():
            maps = seen.teacher(seen.views.inputs[1])[None]
            keys = seen.teacher.project(features_at(maps, seen.views.in_view[1:2]))[0]
        both = compared[0] & compared[1]
        if int(both.sum()) < 2:
            return queries.sum() * 0
        return loss(queries[both], keys[both], self._nodes(seen)[0][both])


def places_of(seen: Seen, min_distance: float) -> Places:
    """Where the features of :meth:`~cladeseg.pretraining.tasks.seen.Seen.at_places` lie."""
    cases, points = seen.views.places.shape[:2]
    case = torch.arange(cases).repeat_interleave(points)
    device = seen.features.device
    return Places(case.to(device), seen.views.places.flatten(0, 1).float().to(device), min_distance)


def build_contrast_loss(
    name: str,
    *,
    temperature: float,
    taxonomy: Taxonomy,
    features: int,
    weight_temperature: float = 1.0,
    queue: int = 4096,
    target_temperature: float = 0.07,
) -> ContrastiveLossBase:
    """A contrastive loss from plain values.

    Args:
        name: one of :data:`LOSSES`.
        temperature: τ.
        taxonomy: the tree, of ``tree_sup_con``.
        features: length of the vectors, of ``mask_con``.
        weight_temperature: of ``false_negatives``.
        queue: length of the memory of ``mask_con``.
        target_temperature: of ``mask_con``.
    """
    if name == "tree_sup_con":
        return TreeSupConLoss(taxonomy, temperature)
    if name == "mask_con":
        return MaskConLoss(features, queue, temperature, target_temperature)
    if name == "false_negatives":
        return FalseNegativeLoss(temperature, weight_temperature)
    plain = {"multi_view": MultiViewLoss, "nt_xent": NTXentLoss, "sup_con": SupConLoss}
    return plain[name](temperature)

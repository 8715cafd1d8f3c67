"""What all contrastive losses share: the temperature, the reduction, and the count of anchors without positives."""

from __future__ import annotations

import math

import torch
from monai.utils import LossReduction
from torch import Tensor
from torch.nn.modules.loss import _Loss

from cladeseg.pretraining.losses.row_blocks import AnchorLosses


class ContrastiveLossBase(_Loss):
    """A loss over anchors, of which those without positives are left out and counted.

    Args:
        temperature: τ, what similarities are divided by.
        reduction: ``"mean"`` over the anchors with positives, ``"sum"``, or ``"none"`` for one value for each anchor,
            0 for one without positives.

    Attributes:
        skipped: anchors without positives in the last call.

    Raises:
        ValueError: the temperature is not positive, or there is no such reduction.
    """

    def __init__(self, temperature: float = 0.1, reduction: LossReduction | str = LossReduction.MEAN) -> None:
        super().__init__(reduction=LossReduction(reduction).value)
        self.temperature = check_temperature("temperature", temperature)
        self.skipped = 0

    def _reduce(self, losses: AnchorLosses) -> Tensor:
        valid = int(losses.valid.sum())
        self.skipped = len(losses.valid) - valid
        if self.reduction == LossReduction.NONE.value:
            return losses.values
        # Without any anchor 0, with a gradient of 0.
        return losses.values.sum() / (max(1, valid) if self.reduction == LossReduction.MEAN.value else 1)


def check_temperature(name: str, value: float) -> float:
    """The temperature if it is one.

    Raises:
        ValueError: it is not a positive, finite number.
    """
    if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
        raise ValueError(f"{name}: {value!r} should be a positive number; .05 to .5 is usual")
    return float(value)


def check_views(views: Tensor, other: Tensor) -> None:
    """Refuse two sets of features that are not two views of one batch.

    Raises:
        ValueError: they differ in shape, are not (B, F), or hold one case alone, which has no negatives.
    """
    if views.ndim != 2 or views.shape != other.shape:
        raise ValueError(f"features of two views must both be (B, F), are {tuple(views.shape)}, {tuple(other.shape)}")
    if len(views) < 2:
        raise ValueError("a batch of one case has no negatives: contrast needs two cases or more")


def check_labels(features: Tensor, labels: Tensor) -> None:
    """Refuse labels that are not one whole number for each feature vector.

    Raises:
        ValueError: wrong shape or type, or a batch of one.
    """
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        shapes = f"{tuple(features.shape)}, {tuple(labels.shape)}"
        raise ValueError(f"features must be (N, F) and labels (N,), are {shapes}")
    if labels.is_floating_point() or labels.dtype is torch.bool:
        raise ValueError(f"labels must be whole numbers, are {labels.dtype}")
    if len(features) < 2:
        raise ValueError("a batch of one case has no negatives: contrast needs two cases or more")

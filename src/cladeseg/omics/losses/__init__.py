"""Losses on log-probabilities of classes: distillation between omics, confidence, contrast."""

from cladeseg.omics.losses.confidence import confidence_loss
from cladeseg.omics.losses.contrastive import info_nce
from cladeseg.omics.losses.distillation import distillation_loss, hard_targets, soft_targets, teaching_weights

__all__ = [
    "confidence_loss",
    "distillation_loss",
    "hard_targets",
    "info_nce",
    "soft_targets",
    "teaching_weights",
]

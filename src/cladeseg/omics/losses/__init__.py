"""Losses on log-probabilities of classes: marginal over a tree, distillation between omics, confidence, contrast."""

from cladeseg.omics.losses.confidence import confidence_loss
from cladeseg.omics.losses.contrastive import info_nce
from cladeseg.omics.losses.distillation import distillation_loss, hard_targets, soft_targets, teaching_weights
from cladeseg.omics.losses.marginal import class_weights, marginal_loss

__all__ = [
    "class_weights",
    "confidence_loss",
    "distillation_loss",
    "hard_targets",
    "info_nce",
    "marginal_loss",
    "soft_targets",
    "teaching_weights",
]

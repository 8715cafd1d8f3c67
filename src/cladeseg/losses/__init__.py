"""Losses on node maps, in which a label may be a leaf, a superclass or nothing."""

from cladeseg.losses.build import build_loss
from cladeseg.losses.label_set_loss import LabelSetLoss
from cladeseg.losses.tree_loss import TreeLoss
from cladeseg.losses.two_head_loss import TwoHeadLoss

__all__ = ["LabelSetLoss", "TreeLoss", "TwoHeadLoss", "build_loss"]

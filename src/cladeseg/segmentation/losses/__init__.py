"""Losses on node maps, in which a label may be a leaf, a superclass or nothing."""

from cladeseg.segmentation.losses.build import build_loss
from cladeseg.segmentation.losses.label_set_loss import LabelSetLoss
from cladeseg.segmentation.losses.tree_loss import TreeLoss
from cladeseg.segmentation.losses.two_head_loss import TwoHeadLoss

__all__ = ["LabelSetLoss", "TreeLoss", "TwoHeadLoss", "build_loss"]

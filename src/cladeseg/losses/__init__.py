"""Losses on node maps, in which a label may be a leaf, a superclass or nothing."""

from cladeseg.losses.build import build_loss
from cladeseg.losses.tree_loss import TreeLoss
from cladeseg.losses.two_head_loss import TwoHeadLoss

__all__ = ["TreeLoss", "TwoHeadLoss", "build_loss"]

"""Contrastive losses in the stable matrix form, one a file, with memory that grows linearly with the batch."""

from cladeseg.pretraining.losses.false_negatives import FalseNegativeLoss
from cladeseg.pretraining.losses.mask_con import MaskConLoss
from cladeseg.pretraining.losses.multi_view import MultiViewLoss, Places
from cladeseg.pretraining.losses.nt_xent import NTXentLoss
from cladeseg.pretraining.losses.sup_con import SupConLoss
from cladeseg.pretraining.losses.tree_sup_con import TreeSupConLoss

__all__ = [
    "FalseNegativeLoss",
    "MaskConLoss",
    "MultiViewLoss",
    "NTXentLoss",
    "Places",
    "SupConLoss",
    "TreeSupConLoss",
]

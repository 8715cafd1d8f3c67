"""What is learnt without fine labels: contrast, masked reconstruction, superclasses; balanced and diagnosed."""

from cladeseg.pretraining.tasks.balance import BALANCES, projected_gradients, surgery
from cladeseg.pretraining.tasks.contrast import LOSSES, WITH_OUTLINES, PlaceContrast, build_contrast_loss
from cladeseg.pretraining.tasks.diagnostics import (
    CollapseError,
    StopOnCollapse,
    alignment,
    effective_rank,
    uniformity,
)
from cladeseg.pretraining.tasks.network import PretrainingNet, build_pretraining_net
from cladeseg.pretraining.tasks.reconstruction import MaskedReconstruction, restored_views
from cladeseg.pretraining.tasks.seen import Seen, Task
from cladeseg.pretraining.tasks.step import PretrainingStep
from cladeseg.pretraining.tasks.superclass import SuperclassSegmentation

__all__ = [
    "BALANCES",
    "LOSSES",
    "WITH_OUTLINES",
    "CollapseError",
    "MaskedReconstruction",
    "PlaceContrast",
    "PretrainingNet",
    "PretrainingStep",
    "Seen",
    "StopOnCollapse",
    "SuperclassSegmentation",
    "Task",
    "alignment",
    "build_contrast_loss",
    "build_pretraining_net",
    "effective_rank",
    "projected_gradients",
    "restored_views",
    "surgery",
    "uniformity",
]

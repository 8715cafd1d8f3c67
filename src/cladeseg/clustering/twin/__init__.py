"""The twin network: same kind or not, from two pictures."""

from cladeseg.clustering.twin.network import TwinNetwork
from cladeseg.clustering.twin.training import (
    Pictures,
    TwinTraining,
    augmented,
    balanced_loss,
    draw_batch,
    train_twin,
    twin_logits,
)

__all__ = [
    "Pictures",
    "TwinNetwork",
    "TwinTraining",
    "augmented",
    "balanced_loss",
    "draw_batch",
    "train_twin",
    "twin_logits",
]

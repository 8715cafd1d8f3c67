"""What every task learns from: a batch of views with their features."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from cladeseg.pretraining.tasks.network import PretrainingNet
from cladeseg.pretraining.views import Views, values_at


class Seen(NamedTuple):
    """A batch as the network sees it.

    Attributes:
        views: what was made of the batch.
        features: (V, B, F, *S) of the student.
        network: the student.
        teacher: its moving average.
    """

    views: Views
    features: Tensor
    network: PretrainingNet
    teacher: PretrainingNet

    def at_places(self) -> Tensor:
        """Features (V, B·P, F) of the drawn places in each view."""
        return features_at(self.features, self.views.in_view)

    def compared(self) -> Tensor:
        """Bool (V, B·P), places of views that show something there."""
        present = self.views.present[:, :, None] & self.views.informative.to(self.views.present.device)
        return present.flatten(1)


class Task(Protocol):
    """One thing to learn: from what is seen to a scalar loss."""

    def __call__(self, seen: Seen) -> Tensor:
        """The loss of a batch; 0 where it teaches nothing."""
        ...


def features_at(features: Tensor, in_view: Tensor) -> Tensor:
    """Features (V, B·P, F) of maps (V, B, F, *S) at voxels long (V, B, P, D)."""
    return torch.stack([values_at(maps, at).flatten(0, 1) for maps, at in zip(features, in_view, strict=True)])

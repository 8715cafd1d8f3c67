"""What is learnt from one batch: each training method is one step, and all share the trainer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from cladeseg.segmentation.mixing import EmaTeacher


class Overview(NamedTuple):
    """What the first of two passes sees of a batch.

    Attributes:
        images: (B, C, *S') float, on a coarser grid.
        nodes: (B, 1, *S') node map of the tree's :func:`~cladeseg.taxonomy.top_level`.
    """

    images: Tensor
    nodes: Tensor


class StepInput(NamedTuple):
    """One augmented batch and everything a method may learn from it with.

    Attributes:
        images: (B, C, *S) float.
        nodes: (B, 1, *S) node map, what is known.
        propagated: (B, 1, *S) node map, each voxel what it is known as or a node below it from label propagation; the
            same as ``nodes`` without it.
        supervisions: the B cases' supervision names.
        array_axes: long (B, 3) on the CPU, each case's array axes of the anatomical ones.
        network: the student, in training mode.
        teacher: its moving average.
        step: number of the optimiser step, from 0.
        generator: CPU generator of this step.
        valid: (B, 1, *S) bool, which voxels are image, neither padding nor beyond the field of view; ``None``: all.
        overview: the same cases as the first of two passes sees them; None with one pass.
    """

    images: Tensor
    nodes: Tensor
    propagated: Tensor
    supervisions: Sequence[str]
    array_axes: Tensor
    network: nn.Module
    teacher: EmaTeacher
    step: int
    generator: torch.Generator
    valid: Tensor | None = None
    overview: Overview | None = None


class Step(Protocol):
    """A training method: from a batch to named scalar losses, of which ``"loss"`` is minimised.

    A method that trains another network besides the student also has ``parameters()``, ``state_dict()`` and
    ``load_state_dict()``.  One that changes the batch before it is augmented has ``prepare(batch) -> StepInput``.
    """

    def __call__(self, batch: StepInput) -> dict[str, Tensor]:
        """Compute the losses of one batch."""
        ...


def parameters_of(step: Step) -> list[nn.Parameter]:
    """Parameters of networks that a method trains besides the student; most have none."""
    return list(step.parameters()) if hasattr(step, "parameters") else []


class SupervisedStep:
    """Learn from node maps alone: each voxel teaches its own or its propagated label, at any level of the tree.

    Args:
        loss: ``loss(output, nodes)`` on node maps.
    """

    def __init__(self, loss: nn.Module) -> None:
        self.loss = loss

    def __call__(self, batch: StepInput) -> dict[str, Tensor]:
        """Marginal loss of the batch."""
        return {"loss": self.loss(batch.network(batch.images), batch.propagated)}

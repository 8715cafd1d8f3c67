"""What is learnt from one batch: each training method is one step, and all share the trainer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from cladeseg.segmentation.mixing import EmaTeacher, HierarchicalMix, MixLoss, PseudoLabeller, SigmoidRamp
from cladeseg.segmentation.transforms import UNMIRRORED, Views
from cladeseg.taxonomy import FINE


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
    overview: Overview | None = None


class Step(Protocol):
    """A training method: from a batch to named scalar losses, of which ``"loss"`` is minimised.

    A method that trains another network besides the student also has ``parameters()``, ``state_dict()`` and
    ``load_state_dict()``.
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


class HierarchicalMixStep:
    """Supervised loss plus the loss on region-mixed images with the teacher's pseudo labels.

    The mixed images pass through the student in the same forward call as the plain ones, with gradient: the published
    code predicts them under ``no_grad`` and so learns nothing from them.  Pseudo labels lie inside the propagated ones;
    partners are pasted wherever nothing but their superclass is known.

    Args:
        loss: ``loss(output, nodes)`` on node maps.
        mix: builds the mixed images from coarse cases and finely labelled partners.
        labeller: turns the teacher's views into pseudo node maps inside the known nodes.
        ramp: weight of the mix loss over the steps.
        views: anatomical axes of the mirrored views that the teacher must agree on, e.g. ``((), ("left-right",))``.
    """

    def __init__(
        self,
        loss: nn.Module,
        mix: HierarchicalMix,
        labeller: PseudoLabeller,
        ramp: SigmoidRamp,
        *,
        views: Views = UNMIRRORED,
    ) -> None:
        self.loss = loss
        self.mix = mix
        self.mix_loss = MixLoss(loss)
        self.labeller = labeller
        self.ramp = ramp
        self.views = views
        self.plain = SupervisedStep(loss)

    def __call__(self, batch: StepInput) -> dict[str, Tensor]:
        """Supervised and mix losses of the batch; the supervised one alone where there is nothing to mix."""
        fine = [i for i, supervision in enumerate(batch.supervisions) if supervision == FINE]
        coarse = [i for i, supervision in enumerate(batch.supervisions) if supervision != FINE]
        weight = self.ramp(batch.step)
        if not fine or not coarse or weight == 0:
            return self.plain(batch)
        return self._mixed(batch, fine, coarse, weight)

    def _mixed(self, batch: StepInput, fine: list[int], coarse: list[int], weight: float) -> dict[str, Tensor]:
        images, nodes = batch.images, batch.nodes
        views = batch.teacher.predict(images[coarse], self.views, batch.array_axes[coarse])
        pseudo = self.labeller(views, batch.propagated[coarse])
        mixed = self.mix(images[coarse], nodes[coarse], pseudo, images[fine], nodes[fine], batch.generator)
        output = batch.network(torch.cat([images, mixed.image]))
        supervised = self.loss(output.of_cases(slice(len(images))), batch.propagated)
        mix = self.mix_loss(output.of_cases(slice(len(images), None)), mixed)
        return {"loss": supervised + weight * mix, "supervised": supervised, "mix": mix}

"""Learning from region-mixed images: besides the plain ones, or in the place of the coarse ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cladeseg.segmentation.engines.step import StepInput, SupervisedStep
from cladeseg.segmentation.mixing import HierarchicalMix, MixedBatch, MixLoss, PseudoLabeller, SigmoidRamp
from cladeseg.segmentation.transforms import UNMIRRORED, Views
from cladeseg.taxonomy import FINE


class RegionMixer:
    """Mixed images of a batch's coarse and unlabelled cases with its finely labelled ones.

    Pseudo labels are the teacher's, inside the propagated ones; partners are pasted wherever nothing but their
    superclass is known.  What is no image gets neither.

    Args:
        mix: builds the mixed images from coarse cases and finely labelled partners.
        labeller: turns the teacher's views into pseudo node maps inside the known nodes.
        views: anatomical axes of the mirrored views that the teacher must agree on, e.g. ``((), ("left-right",))``.
    """

    def __init__(self, mix: HierarchicalMix, labeller: PseudoLabeller, views: Views = UNMIRRORED) -> None:
        self.mix = mix
        self.labeller = labeller
        self.views = views

    def __call__(self, batch: StepInput, fine: Sequence[int], coarse: Sequence[int]) -> MixedBatch:
        """Mix the cases ``coarse`` with partners among ``fine``, both places in the batch."""
        host, guest = (_index(places, batch.images.device) for places in (coarse, fine))
        images, nodes, propagated = batch.images[host], batch.nodes[host], batch.propagated[host]
        views = batch.teacher.predict(images, self.views, batch.array_axes[list(coarse)])
        pseudo = self.labeller(views, propagated)
        valid = None if batch.valid is None else batch.valid[host]
        if valid is not None:
            pseudo = torch.where(valid, pseudo, propagated)
        return self.mix(
            images,
            nodes,
            pseudo,
            batch.images[guest],
            batch.nodes[guest],
            batch.generator,
            valid=valid,
            partner_valid=None if batch.valid is None else batch.valid[guest],
        )


class HierarchicalMixStep:
    """Supervised loss plus the loss on region-mixed images with the teacher's pseudo labels.

    The mixed images pass through the student in the same forward call as the plain ones, with gradient: the published
    code predicts them under ``no_grad`` and so learns nothing from them.

    Args:
        loss: ``loss(output, nodes)`` on node maps.
        mixer: makes the mixed images.
        ramp: weight of the mix loss over the steps.
    """

    def __init__(self, loss: nn.Module, mixer: RegionMixer, ramp: SigmoidRamp) -> None:
        self.loss = loss
        self.mixer = mixer
        self.mix_loss = MixLoss(loss)
        self.ramp = ramp
        self.plain = SupervisedStep(loss)

    def __call__(self, batch: StepInput) -> dict[str, Tensor]:
        """Supervised and mix losses of the batch; the supervised one alone where there is nothing to mix."""
        fine, coarse = _fine_and_coarse(batch.supervisions)
        weight = self.ramp(batch.step)
        if not fine or not coarse or weight == 0:
            return self.plain(batch)
        return self._mixed(batch, fine, coarse, weight)

    def _mixed(self, batch: StepInput, fine: list[int], coarse: list[int], weight: float) -> dict[str, Tensor]:
        images = batch.images
        mixed = self.mixer(batch, fine, coarse)
        output = batch.network(torch.cat([images, mixed.image]))
        supervised = self.loss(output.of_cases(slice(len(images))), batch.propagated)
        mix = self.mix_loss(output.of_cases(slice(len(images), None)), mixed)
        return {"loss": supervised + weight * mix, "supervised": supervised, "mix": mix}


class MixInPlaceStep(SupervisedStep):
    """Learn from node maps, with mixed images in the place of coarse and unlabelled ones.

    Mixing comes before the augmentation, so that what is pasted is turned and mirrored as its surroundings are, and a
    step costs the teacher's prediction of these cases more than a plain one.

    Args:
        loss: ``loss(output, nodes)`` on node maps.
        mixer: makes the mixed images; its pastes are hard and go one way.
        ramp: share of the coarse cases that are mixed, over the steps; above 1 it is all of them.

    Raises:
        ValueError: the mixer blends, or pastes both ways.
    """

    def __init__(self, loss: nn.Module, mixer: RegionMixer, ramp: SigmoidRamp) -> None:
        if mixer.mix.direction != "one_way" or mixer.mix.alpha_range != (1, 1):
            raise ValueError("mixing in place needs direction 'one_way' and alpha_range (1, 1)")
        super().__init__(loss)
        self.mixer = mixer
        self.ramp = ramp

    def prepare(self, batch: StepInput) -> StepInput:
        """The batch with some of its coarse cases mixed; their labels are in ``propagated``."""
        fine, coarse = _fine_and_coarse(batch.supervisions)
        chances = torch.rand(len(coarse), generator=batch.generator).tolist()
        mixed_cases = [case for case, chance in zip(coarse, chances, strict=True) if chance < self.ramp(batch.step)]
        if not fine or not mixed_cases:
            return batch
        mixed = self.mixer(batch, fine, mixed_cases)
        index = _index(mixed_cases, batch.images.device)
        return batch._replace(
            images=batch.images.index_copy(0, index, mixed.image.to(batch.images.dtype)),
            propagated=batch.propagated.index_copy(0, index, mixed.pasted),
        )


def _fine_and_coarse(supervisions: Sequence[str]) -> tuple[list[int], list[int]]:
    """Places in a batch of the finely labelled cases, and of all others."""
    fine = [i for i, supervision in enumerate(supervisions) if supervision == FINE]
    return fine, [i for i in range(len(supervisions)) if i not in fine]


def _index(places: Sequence[int], device: torch.device) -> Tensor:
    """Places on a device, without waiting for it."""
    return torch.tensor(places).to(device, non_blocking=True)

"""UniMatch (Yang et al., CVPR 2023, arXiv 2208.09910), with the superclass loss added."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from cladeseg.segmentation.baselines.common import fine_and_unlabelled, hard_labels, random_box
from cladeseg.segmentation.baselines.strong_view import StrongView
from cladeseg.segmentation.engines import StepInput, SupervisedStep
from cladeseg.segmentation.mixing import SigmoidRamp
from cladeseg.taxonomy import Taxonomy

#: Share of the volume that a CutMix box fills, and bound on its sides' ratio in a cubic volume (the paper's values).
CUTMIX_SHARE, CUTMIX_RATIO = (0.02, 0.4), 1 / 0.3


class UniMatchStep:
    """Supervised loss plus weak-to-strong consistency on cases without leaf labels.

    The teacher labels the weak view; where its most probable leaf reaches the threshold, three predictions of the
    student must agree with it, elsewhere the target is the root, which costs nothing:

    * two strong views (:class:`StrongView`, then CutMix with the batch's next unlabelled case), together one half;
    * the weak view with half of its feature channels dropped before the head, the other half.

    What differs: the paper labels with the student itself, we with the EMA teacher, as for every method; its natural
    images take cross-entropy, its medical ones masked Dice, we the shared loss, which averages over the confident
    voxels; it drops channels on all encoder levels.  Boxes are three-dimensional.

    Args:
        taxonomy: the tree.
        loss: ``loss(output, nodes)`` on node maps.
        start: first step with consistency.
        ramp: steps until its full weight.
        weight: the full weight; 1 as in the paper makes it weigh as much as the supervised loss.
        threshold: least probability of a pseudo label.
        dropout: share of the feature channels dropped.
        cutmix: chance of a CutMix box, per case and strong view.
        respect_nodes: choose pseudo labels inside the known node only, with p(leaf | known node) against the threshold;
            the paper knows no such node.

    Raises:
        ValueError: a negative start or ramp, or a share outside 0…1.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        loss: nn.Module,
        *,
        start: int = 0,
        ramp: int = 200,
        weight: float = 1.0,
        threshold: float = 0.95,
        dropout: float = 0.5,
        cutmix: float = 0.5,
        respect_nodes: bool = False,
    ) -> None:
        for name, share in (("threshold", threshold), ("dropout", dropout), ("cutmix", cutmix)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} {share} is not between 0 and 1")
        self.taxonomy = taxonomy
        self.loss = loss
        self.ramp = SigmoidRamp(start=start, length=ramp, maximum=weight)
        self.threshold, self.dropout, self.cutmix = threshold, dropout, cutmix
        self.respect_nodes = respect_nodes
        self.strong_view = StrongView(taxonomy)
        self.plain = SupervisedStep(loss)

    def __call__(self, batch: StepInput) -> dict[str, Tensor]:
        """Supervised and consistency losses; the supervised one alone where every case is fine.

        Raises:
            ValueError: the network has no ``backbone`` and ``head`` to drop features between.
        """
        _, unlabelled = fine_and_unlabelled(batch.supervisions)
        weight = self.ramp(batch.step)
        if not unlabelled or weight == 0:
            return self.plain(batch)
        return self._consistent(batch, unlabelled, weight)

    def _consistent(self, batch: StepInput, unlabelled: list[int], weight: float) -> dict[str, Tensor]:
        target, num, generator = self.confident_labels(batch, unlabelled), len(batch.images), batch.generator
        views = [self._strong(batch.images[unlabelled], target, generator) for _ in range(2)]
        features = _part(batch.network, "backbone")(torch.cat([batch.images, *(image for image, _ in views)]))
        dropped = drop_channels(features[unlabelled], self.dropout, generator)
        output = _part(batch.network, "head")(torch.cat([features, dropped]))
        supervised = self.loss(output.of_cases(slice(num)), batch.nodes)
        strong = self.loss(output.of_cases(slice(num, len(features))), torch.cat([label for _, label in views]))
        weak = self.loss(output.of_cases(slice(len(features), None)), target)
        consistency = 0.5 * strong + 0.5 * weak
        return {"loss": supervised + weight * consistency, "supervised": supervised, "unsupervised": consistency}

    def confident_labels(self, batch: StepInput, unlabelled: list[int]) -> Tensor:
        """Node map (U, 1, *S): the teacher's leaf where it is confident, the root elsewhere."""
        (view,) = batch.teacher.predict(batch.images[unlabelled])
        label = hard_labels(view, batch.nodes[unlabelled], self.taxonomy, respect_nodes=self.respect_nodes)
        return torch.where(label.confidence >= self.threshold, label.nodes, self.taxonomy.root)

    def _strong(self, images: Tensor, target: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A strong view of images (U, C, *S) and its target: in the box, each case is the one before it."""
        strong = self.strong_view(images, generator)
        box = torch.stack([self._box(images.shape[2:], generator) for _ in images]).unsqueeze(1).to(images.device)
        return torch.where(box, strong.roll(1, 0), strong), torch.where(box, target.roll(1, 0), target)

    def _box(self, shape: torch.Size, generator: torch.Generator) -> Tensor:
        """A CutMix box (*S), empty with probability 1 - ``cutmix``."""
        chance, size = torch.rand(2, generator=generator).tolist()
        stretch = CUTMIX_RATIO ** (torch.rand(len(shape), generator=generator) - 0.5)
        share = CUTMIX_SHARE[0] + (CUTMIX_SHARE[1] - CUTMIX_SHARE[0]) * size
        scale = math.pow(share / float(stretch.prod()), 1 / len(shape))
        sides = [min(n, max(1, round(n * scale * s))) for n, s in zip(shape, stretch.tolist(), strict=True)]
        return random_box(shape, sides if chance < self.cutmix else [0] * len(shape), generator)


def drop_channels(features: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Set each channel of features (B, F, *S) to zero with probability ``share``, and scale the others up."""
    kept = torch.rand(features.shape[:2], generator=generator) >= share
    scale = kept / max(1 - share, torch.finfo(torch.float32).eps)
    return features * scale.to(features).view(*features.shape[:2], *[1] * (features.ndim - 2))


def _part(network: nn.Module, name: str) -> nn.Module:
    part = getattr(network, name, None)
    if not isinstance(part, nn.Module):
        raise ValueError(f"UniMatch drops features between backbone and head; {type(network).__name__} has no '{name}'")
    return part

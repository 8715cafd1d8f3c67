"""Mean teacher (Tarvainen and Valpola, arXiv 1703.01780), with the superclass loss added."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cladeseg.segmentation.baselines.common import fine_and_unlabelled
from cladeseg.segmentation.engines import StepInput, SupervisedStep
from cladeseg.segmentation.mixing import SigmoidRamp
from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import log_probs_within


class MeanTeacherStep:
    r"""Supervised loss plus the distance between student and teacher on cases without leaf labels.

    .. math:: loss(f(x), y) + w(t) \cdot \frac{1}{L V} \sum_{l, i} (p_{l, i}(x) - p'_{l, i}(x + \epsilon))^2

    over L leaves and V voxels, with p' the EMA teacher's and noise :math:`\epsilon` clipped at two standard deviations.
    The student's noise is the trainer's augmentation.  Targets are soft: no pseudo label is made.  As published the
    teacher may contradict a known superclass, on which only the supervised loss insists; with ``respect_nodes`` the
    target is p'(leaf | known node).

    The paper applies the distance to labelled images as well, and its weight reaches 100 on small natural images; 3D
    medical code since uses 0.1 and a distance on unlabelled images alone, as here.

    Args:
        taxonomy: the tree.
        loss: ``loss(output, nodes)`` on node maps.
        start: first step with a consistency loss.
        ramp: steps until its full weight.
        weight: the full weight.
        noise: standard deviation of the teacher's input noise, in z-scores.
        respect_nodes: hold the teacher's probabilities inside the known node; the paper knows no such node.

    Raises:
        ValueError: a negative noise, start or ramp.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        loss: nn.Module,
        *,
        start: int = 0,
        ramp: int = 200,
        weight: float = 1.0,
        noise: float = 0.1,
        respect_nodes: bool = False,
    ) -> None:
        if noise < 0:
            raise ValueError(f"noise {noise} of the mean teacher's input is negative")
        self.taxonomy = taxonomy
        self.loss = loss
        self.ramp = SigmoidRamp(start=start, length=ramp, maximum=weight)
        self.noise = noise
        self.respect_nodes = respect_nodes
        self.plain = SupervisedStep(loss)

    def __call__(self, batch: StepInput) -> dict[str, Tensor]:
        """Supervised and consistency losses; the supervised one alone where every case is fine."""
        _, unlabelled = fine_and_unlabelled(batch.supervisions)
        weight = self.ramp(batch.step)
        if not unlabelled or weight == 0:
            return self.plain(batch)
        output = batch.network(batch.images)
        noisy = self._with_noise(batch.images[unlabelled], batch.generator)
        (target,) = batch.teacher.predict(noisy)
        if self.respect_nodes:
            target = log_probs_within(target, batch.nodes[unlabelled][:, 0], self.taxonomy)
        distance = (output.leaf[unlabelled].exp() - target.exp()).square().mean()
        supervised = self.loss(output, batch.nodes)
        return {"loss": supervised + weight * distance, "supervised": supervised, "unsupervised": distance}

    def _with_noise(self, images: Tensor, generator: torch.Generator) -> Tensor:
        # Drawn on the images' device: a volume of noise is slow to make on the CPU and to send.
        seed = int(torch.randint(2**31, (1,), generator=generator))
        noise = torch.empty_like(images).normal_(generator=torch.Generator(images.device).manual_seed(seed))
        return images + self.noise * noise.clamp(-2, 2)

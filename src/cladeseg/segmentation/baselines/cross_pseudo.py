"""Cross pseudo supervision (Chen et al., arXiv 2106.01226), with the superclass loss added."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import nll_loss

from cladeseg.segmentation.baselines.common import fine_and_unlabelled, hard_labels
from cladeseg.segmentation.engines import StepInput
from cladeseg.segmentation.mixing import SigmoidRamp
from cladeseg.segmentation.networks import TreeOutput
from cladeseg.taxonomy import Taxonomy


class CrossPseudoStep:
    r"""Two networks of different initial weights, each learning from the other's most probable leaves.

    .. math:: loss(f_1(x), y) + loss(f_2(x), y) + w(t) \left(CE(f_1(x), \hat y_2) + CE(f_2(x), \hat y_1)\right)

    The cross-entropies are taken over cases without leaf labels, the pseudo labels :math:`\hat y` carry no gradient.
    The paper takes them over labelled images too and uses a weight of 1.5, without a ramp.

    The first network is the trainer's student: its moving average is evaluated and shipped, as with every method.  The
    second lives in this object, and whoever trains must give the optimiser :meth:`parameters` besides the student's,
    clip their gradients along, and keep :meth:`state_dict` with the training state; else it never learns, or a resumed
    training starts it anew.

    Args:
        taxonomy: the tree.
        loss: ``loss(output, nodes)`` on node maps.
        network: the untrained student, on its device; the second network is a copy with :func:`redrawn` weights.
        seed: of the second network's initial weights.
        start: first step with pseudo labels.
        ramp: steps until their full weight.
        weight: the full weight.
        respect_nodes: choose pseudo labels inside the known node only; the paper knows no such node.

    Raises:
        ValueError: a negative start or ramp.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        loss: nn.Module,
        *,
        network: nn.Module,
        seed: int = 0,
        start: int = 0,
        ramp: int = 200,
        weight: float = 1.0,
        respect_nodes: bool = False,
    ) -> None:
        self.taxonomy = taxonomy
        self.loss = loss
        self.second = redrawn(network, seed)
        self.ramp = SigmoidRamp(start=start, length=ramp, maximum=weight)
        self.respect_nodes = respect_nodes

    def __call__(self, batch: StepInput) -> dict[str, Tensor]:
        """Supervised losses of both networks and the cross one; without it where every case is fine."""
        _, unlabelled = fine_and_unlabelled(batch.supervisions)
        one, two = batch.network(batch.images), self.second.train()(batch.images)
        losses = {"supervised": self.loss(one, batch.nodes), "second": self.loss(two, batch.nodes)}
        total = losses["supervised"] + losses["second"]
        weight = self.ramp(batch.step)
        if unlabelled and weight:
            known = batch.nodes[unlabelled]
            cross = self._taught(one, two, known, unlabelled) + self._taught(two, one, known, unlabelled)
            total, losses["unsupervised"] = total + weight * cross, cross
        return {"loss": total, **losses}

    def _taught(self, pupil: TreeOutput, tutor: TreeOutput, known: Tensor, unlabelled: list[int]) -> Tensor:
        """Cross-entropy of one network at the other's labels."""
        label = hard_labels(tutor.leaf[unlabelled], known, self.taxonomy, respect_nodes=self.respect_nodes)
        return nll_loss(pupil.leaf[unlabelled], label.nodes[:, 0].long())

    def parameters(self) -> Iterator[nn.Parameter]:
        """What the optimiser must learn besides the student."""
        return self.second.parameters()

    def state_dict(self) -> dict[str, Any]:
        """The second network's weights, for a checkpoint."""
        return {"second": self.second.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        self.second.load_state_dict(state["second"])


@torch.no_grad()
def redrawn(network: nn.Module, seed: int) -> nn.Module:
    """A copy of an untrained network with other initial weights of the same distribution.

    The entries of an initial tensor are independent and alike, so shuffling them is another draw, whatever the rule
    that the network was initialised by; constants such as the norms' stay as they are.
    """
    copied = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(seed)
    for parameter in copied.parameters():
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return copied

"""One step of both passes: any method on the second pass, and the outlines on the first."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from cladeseg.segmentation.engines.step import Step, StepInput, parameters_of
from cladeseg.segmentation.networks import TwoPassNet, passes_of


class TwoPassStep:
    """Train a :class:`~cladeseg.segmentation.networks.TwoPassNet`.

    The passes share no weights, so the sum of their losses trains each as if it were alone.

    Args:
        second: the training method, which gets the second pass as its network.
        loss: ``loss(output, nodes)`` of the first pass, on nodes of the tree's
            :func:`~cladeseg.taxonomy.top_level`.
    """

    def __init__(self, second: Step, loss: nn.Module) -> None:
        self.second = second
        self.loss = loss

    def prepare(self, batch: StepInput) -> StepInput:
        """The batch as the method prepares it before the augmentation; the first pass's view stays as it is."""
        if not hasattr(self.second, "prepare"):
            return batch
        network = batch.network
        return self.second.prepare(batch._replace(network=passes_of(network)[-1]))._replace(network=network)

    def __call__(self, batch: StepInput) -> dict[str, Tensor]:
        """Losses of the method, and ``first``, that of the first pass.

        Raises:
            TypeError: the network has no two passes, or the batch no coarse view.
        """
        network, overview = batch.network, batch.overview
        if not isinstance(network, TwoPassNet) or overview is None:
            raise TypeError("a step of two passes needs a TwoPassNet and a batch with an overview")
        losses = self.second(batch._replace(network=network.second))
        first = self.loss(network.first(overview.images), overview.nodes)
        return {**losses, "loss": losses["loss"] + first, "first": first}

    def parameters(self) -> list[nn.Parameter]:
        """Those of networks that the method trains besides the second pass."""
        return parameters_of(self.second)

    def state_dict(self) -> dict[str, Any]:
        """What the method has to remember."""
        return self.second.state_dict() if hasattr(self.second, "state_dict") else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        if hasattr(self.second, "load_state_dict"):
            self.second.load_state_dict(state)

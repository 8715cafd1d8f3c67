"""The teacher: a running average of the network that is being trained."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from cladeseg.segmentation.transforms import UNMIRRORED, Views, mirror


class EmaTeacher:
    """Exponential moving average of a network's parameters (Tarvainen and Valpola, arXiv 1703.01780).

    Every update moves each parameter θ' to d·θ' + (1 - d)·θ.  Buffers are copied as they are: running statistics are
    averages already, and counters are integers.  The teacher is in eval mode and takes no gradient.

    Args:
        network: the student, without a data-parallel wrapper; copied.
        decay: d, in 0…1.
        warmup: use min(d, (1 + t) / (10 + t)) at the t-th update, so that the random start is soon forgotten.

    Attributes:
        network: the averaged network.
        step: number of updates so far.

    Raises:
        ValueError: the decay is outside 0…1.

    Example:
        >>> student = nn.Linear(1, 1, bias=False)
        >>> _ = nn.init.zeros_(student.weight)
        >>> teacher = EmaTeacher(student, decay=0.9, warmup=False)
        >>> _ = nn.init.ones_(student.weight)
        >>> for _ in range(3):
        ...     teacher.update(student)
        ...     print(round(teacher.network.weight.item(), 3))
        0.1
        0.19
        0.271
    """

    def __init__(self, network: nn.Module, *, decay: float = 0.99, warmup: bool = True) -> None:
        if not 0 <= decay <= 1:
            raise ValueError(f"decay {decay} of the teacher is not between 0 and 1")
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.warmup = warmup
        self.step = 0

    @property
    def current_decay(self) -> float:
        """The decay that the next update will use."""
        return min(self.decay, (1 + self.step) / (10 + self.step)) if self.warmup else self.decay

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move towards ``network``, which must be built like the one the teacher was copied from."""
        pairs = list(zip(self.network.parameters(), network.parameters(), strict=True))
        average = [(mine, theirs) for mine, theirs in pairs if mine.is_floating_point()]
        replace = [(mine, theirs) for mine, theirs in pairs if not mine.is_floating_point()]
        replace += zip(self.network.buffers(), network.buffers(), strict=True)  # type: ignore[arg-type]
        torch._foreach_lerp_([a for a, _ in average], [b for _, b in average], 1 - self.current_decay)
        for mine, theirs in replace:
            mine.copy_(theirs)
        self.step += 1

    @torch.no_grad()
    def predict(
        self, images: torch.Tensor, views: Views = UNMIRRORED, array_axes: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """Leaf log-probabilities of mirrored views, mirrored back onto ``images``.

        Args:
            images: float (B, C, *S).
            views: anatomical axes to mirror along, one set per view; the empty one is the image itself.
            array_axes: long (B, 3), where these lie in each image, see
                :class:`~cladeseg.segmentation.transforms.OrientAxesd`; ``None`` for images in the order RAS.

        Returns:
            One (B, L, *S) per view.
        """
        # A teacher that normalises by the batch's own statistics gives other labels for other batch mates.
        self.network.eval()
        axes = torch.arange(3).expand(len(images), 3) if array_axes is None else array_axes
        return [mirror(self.network(mirror(images, axes, flips)), axes, flips) for flips in views]

    def state_dict(self) -> dict[str, Any]:
        """Weights and update count, for a checkpoint."""
        return {"network": self.network.state_dict(), "step": self.step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        self.network.load_state_dict(state["network"])
        self.step = int(state["step"])

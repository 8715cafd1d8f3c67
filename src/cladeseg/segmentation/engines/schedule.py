"""Learning-rate schedules in closed form, so that resuming needs the step number and nothing else."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

SHAPES = ("poly", "cosine", "constant")


class StepSchedule(LRScheduler):
    """Linear warm-up, then a polynomial (power 0.9), cosine or constant course over ``total_steps``.

    Args:
        optimizer: its groups' initial learning rates are the peak.
        total_steps: length of the course; the trainer sets it from its epochs when it is ``None``.
        shape: one of ``"poly"``, ``"cosine"``, ``"constant"``.
        warmup_steps: steps of linear warm-up.

    Raises:
        ValueError: unknown shape.

    Example:
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        >>> schedule = StepSchedule(optimizer, total_steps=100, shape="cosine", warmup_steps=10)
        >>> [round(schedule.factor(step), 2) for step in (0, 9, 55, 100)]
        [0.1, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        total_steps: int | None = None,
        shape: str = "poly",
        warmup_steps: int = 0,
    ) -> None:
        if shape not in SHAPES:
            raise ValueError(f"schedule '{shape}' is unknown; known are {', '.join(SHAPES)}")
        self.total_steps = total_steps
        self.shape = shape
        self.warmup_steps = warmup_steps
        super().__init__(optimizer)

    def get_lr(self) -> list[float | torch.Tensor]:
        """Learning rate of each parameter group at the current step."""
        return [base * self.factor(self.last_epoch) for base in self.base_lrs]

    def factor(self, step: int) -> float:
        """Share of the peak learning rate at a step."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        if self.shape == "constant" or self.total_steps is None:
            return 1.0
        done = min(1.0, (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps))
        return (1 - done) ** 0.9 if self.shape == "poly" else 0.5 * (1 + math.cos(math.pi * done))

    def state_dict(self) -> dict[str, Any]:
        """The step number: everything else comes from the config."""
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a step number."""
        self.last_epoch = int(state_dict["last_epoch"])

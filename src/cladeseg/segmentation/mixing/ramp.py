"""How the weight of a loss on uncertain targets grows with training."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class SigmoidRamp:
    """Zero before ``start``, then ``maximum · exp(-5 (1 - t)²)`` with t rising from 0 to 1, then ``maximum``.

    The weight depends on the step alone, so that a resumed training needs no state of it
    (Laine and Aila, "Temporal Ensembling", arXiv 1610.02242).

    Attributes:
        start: first step with a weight above zero.
        length: steps from ``start`` to the maximum; 0 switches the full weight on at once.
        maximum: the final weight.

    Raises:
        ValueError: a negative start or length.

    Example:
        >>> ramp = SigmoidRamp(start=50, length=200, maximum=0.5)
        >>> [round(ramp(step), 3) for step in (0, 50, 150, 250, 1000)]
        [0.0, 0.003, 0.143, 0.5, 0.5]
    """

    start: int = 0
    length: int = 1000
    maximum: float = 1.0

    def __post_init__(self) -> None:
        if self.start < 0 or self.length < 0:
            raise ValueError(f"a ramp cannot start at step {self.start} and last {self.length} steps")

    def __call__(self, step: int) -> float:
        """Weight at the ``step``-th optimiser step, counted from 0."""
        if step < self.start:
            return 0.0
        t = min(1.0, (step - self.start) / self.length) if self.length else 1.0
        return self.maximum * math.exp(-5 * (1 - t) ** 2)

"""How far a predicted volume lies from those that the training cases had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: Fewer cases say nothing about what is usual.
ENOUGH = 5
#: Spreads from the median beyond which a volume stands out (Iglewicz & Hoaglin 1993).
FAR = 3.5
#: Standard deviations of a normal distribution in its median absolute deviation.
_DEVIATIONS = 1.4826


@dataclass(frozen=True)
class VolumeReference:
    """Volumes of one structure in the training cases that know it.

    Attributes:
        cases: number of those cases.
        empty: those of them without the structure.
        median: of the logarithm of the volumes in ml that are not empty.
        spread: robust standard deviation of these logarithms.

    Example:
        >>> reference = VolumeReference.of([1.0, 2.0, 4.0, 8.0, 16.0])
        >>> round(reference.distance(8.0), 2), reference.distance(0.0)
        (0.67, None)
    """

    cases: int
    empty: int
    median: float
    spread: float

    @classmethod
    def of(cls, volumes_ml: Sequence[float]) -> VolumeReference:
        """From the volumes of all cases that know the structure, 0 for those without it."""
        logs = np.log([volume for volume in volumes_ml if volume > 0])
        median = float(np.median(logs)) if logs.size else 0.0
        spread = _DEVIATIONS * float(np.median(np.abs(logs - median))) if logs.size else 0.0
        return cls(len(volumes_ml), len(volumes_ml) - logs.size, median, spread)

    @property
    def is_usable(self) -> bool:
        """Whether there are enough cases, and not all alike."""
        return self.cases - self.empty >= ENOUGH and self.spread > 0

    def distance(self, volume_ml: float) -> float | None:
        """Spreads by which the logarithm of a volume lies above the median; ``None`` if nothing can be said."""
        if not self.is_usable or volume_ml <= 0:
            return None
        return (float(np.log(volume_ml)) - self.median) / self.spread


def references(volumes: Mapping[str, Sequence[float]]) -> dict[str, VolumeReference]:
    """Structure → what its volumes were in training.

    Args:
        volumes: structure → ml of each training case that knows it.
    """
    return {name: VolumeReference.of(values) for name, values in volumes.items()}

"""How often the most probable leaf is the right one, by the probability that it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cladeseg.taxonomy import Taxonomy

_BINS = 10


class Calibration:
    """Sums over voxels that truth or prediction give to a structure and whose leaf is known, in bins of probability.

    The rest is background that everybody agrees on; counted too, it would hide everything else.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self._voxels = np.zeros(_BINS, dtype=np.int64)
        self._probability = np.zeros(_BINS)
        self._right = np.zeros(_BINS, dtype=np.int64)

    def add(self, probabilities: np.ndarray, truth: np.ndarray) -> None:
        """Add one case.

        Args:
            probabilities: (L, x, y, z) p(leaf).
            truth: (x, y, z) node indices.
        """
        leaf, background = probabilities.argmax(axis=0), self.taxonomy.background
        counted = (truth < self.taxonomy.num_leaves) & ((truth != background) | (leaf != background))
        p = probabilities.max(axis=0)[counted]
        place = np.minimum((p * _BINS).astype(int), _BINS - 1)
        self._voxels += np.bincount(place, minlength=_BINS)
        self._probability += np.bincount(place, weights=p, minlength=_BINS)
        self._right += np.bincount(place, weights=(leaf == truth)[counted], minlength=_BINS).astype(np.int64)

    def sums(self) -> dict[str, list[float]]:
        """The sums over all cases so far, as plain values."""
        return {
            "voxels": self._voxels.tolist(),
            "probability": self._probability.tolist(),
            "right": self._right.tolist(),
        }

    def add_sums(self, sums: Mapping[str, Sequence[float]]) -> None:
        """Add what another one's :meth:`sums` are."""
        self._voxels += np.asarray(sums["voxels"], dtype=np.int64)
        self._probability += np.asarray(sums["probability"])
        self._right += np.asarray(sums["right"], dtype=np.int64)

    def points(self) -> list[dict[str, float]]:
        """Of each bin that holds voxels: their number, mean probability, and share that is right."""
        return [
            {"voxels": int(n), "probability": float(p / n), "right": float(right / n)}
            for n, p, right in zip(self._voxels, self._probability, self._right, strict=True)
            if n
        ]


def expected_calibration_error(points: list[dict[str, float]]) -> float | None:
    """Mean over voxels of the difference between probability and share that is right (Naeini et al. 2015).

    Example:
        >>> expected_calibration_error([{"voxels": 4, "probability": 0.75, "right": 0.5}])
        0.25
    """
    total = sum(point["voxels"] for point in points)
    if not total:
        return None
    return sum(point["voxels"] * abs(point["probability"] - point["right"]) for point in points) / total

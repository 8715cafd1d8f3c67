"""What heads see of patients: joined blocks of some omics, as they are or smoothed over the patient graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cladeseg.omics.graph import PatientGraph
from cladeseg.omics.model.subsets import Subset

#: Scores (N, K) by (omics, block).
Scores = Mapping[tuple[int, str], np.ndarray]


@dataclass(frozen=True)
class View:
    """One view.

    Attributes:
        subset: the omics that are joined.
        weights: of each.
        block: which form of them.
        strength: of the smoothing.
        degree: neighbours.
    """

    subset: Subset
    weights: tuple[float, ...]
    block: str
    strength: float
    degree: int

    def joined(self, scores: Scores) -> np.ndarray:
        """(N, ΣK), NaN rows where a patient lacks one of the omics."""
        parts = [w * scores[i, self.block] for i, w in zip(self.subset, self.weights, strict=True)]
        both = np.hstack(parts)
        both[np.isnan(both).any(axis=1)] = np.nan
        return both

    def __call__(self, training: Scores, new: Scores | None = None) -> np.ndarray:
        """Features of the training patients, or of new ones, who attach to training patients only."""
        graph = PatientGraph(self.joined(training), self.degree)
        return graph.smoothed(None if new is None else self.joined(new), strength=self.strength)


def views_of(
    subset: Subset, weights: Sequence[float], blocks: Sequence[str], strengths: Sequence[float], degree: int
) -> list[View]:
    """Every block at every strength."""
    given = tuple(weights[i] for i in subset)
    return [View(subset, given, block, strength, degree) for block in blocks for strength in strengths]

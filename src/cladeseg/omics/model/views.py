"""What heads see of patients: joined blocks of some omics, as they are or smoothed over the patient graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cladeseg.omics.graph import PatientGraph
from cladeseg.omics.model.options import ModelOptions
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
        share: of the view among those of its head.
    """

    subset: Subset
    weights: tuple[float, ...]
    block: str
    strength: float
    degree: int
    share: float = 1.0

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


def views_of(subset: Subset, weights: Sequence[float], options: ModelOptions, *, share: float) -> list[View]:
    """The view over the patient graph, and every block without it.

    Args:
        subset: the omics that are joined.
        weights: of all omics.
        options: name blocks and smoothing.
        share: of the view over the graph, beside 1 for each other; 0 without.
    """
    given = tuple(weights[i] for i in subset)
    plain = [View(subset, given, block, 0.0, options.degree) for block in options.blocks]
    if not share:
        return plain
    return [View(subset, given, options.smoothed, options.strength, options.degree, share), *plain]

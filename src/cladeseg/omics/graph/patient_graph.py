"""Who resembles whom: a graph of the training patients, and the edges by which others attach to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_PRECISION = 1e9


@dataclass(frozen=True)
class PatientGraph:
    """Edges from any patient to its nearest training patients by cosine similarity.

    A patient outside the graph attaches to training patients only, so that who else is predicted changes nothing.

    Args:
        features: (N, K) of the training patients; NaN rows are patients without this omics, whom no edge leads to.
        degree: edges of each patient, itself not counted.

    Example:
        >>> graph = PatientGraph(np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), degree=1)
        >>> graph.neighbours(np.array([[0.0, 2.0]])).tolist()  # somebody new
        [[2]]
        >>> graph.neighbours().tolist()  # the training patients
        [[1], [0], [1]]
    """

    features: np.ndarray
    degree: int

    def neighbours(self, features: np.ndarray | None = None) -> np.ndarray:
        """Indices (M, degree) of the nearest training patients, nearest first; equal ones by their index.

        Args:
            features: (M, K) of new patients; ``None`` for the training patients, none of whom is its own neighbour.
        """
        usable = ~np.isnan(self.features).any(axis=1)
        similarity = _unit(self.features if features is None else features) @ _unit(self.features).T
        # Whole numbers make equal similarities equal on every machine, and the index decides between them.
        count = len(self.features)
        order = (-np.round(similarity * _PRECISION)).astype(np.int64) * count + np.arange(count)
        order[:, ~usable] = np.iinfo(np.int64).max
        if features is None:
            np.fill_diagonal(order, np.iinfo(np.int64).max)
        degree = max(min(self.degree, int(usable.sum()) - (features is None)), 0)
        near = np.argpartition(order, max(degree - 1, 0), axis=1)[:, :degree]
        return np.take_along_axis(near, np.take_along_axis(order, near, axis=1).argsort(axis=1), axis=1)

    def smoothed(self, features: np.ndarray | None = None, *, strength: float) -> np.ndarray:
        """(1 - strength) · own features + strength · mean of the neighbours'; (M, K).

        Args:
            features: as in :meth:`neighbours`.
            strength: from 0, no graph, to 1, the neighbours alone.
        """
        own = self.features if features is None else features
        near = self.neighbours(features)
        if strength == 0 or near.shape[1] == 0:
            return own
        return (1 - strength) * own + strength * self.features[near].mean(axis=1)


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.nan_to_num(rows / np.where(length > 0, length, 1.0))

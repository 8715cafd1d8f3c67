"""Logits of all pairs of some objects, and of each object with objects that training kept for comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PairLogits:
    """What a method says of n objects.

    Attributes:
        pairs: of all pairs; (n, n), symmetric, the diagonal is ignored.
        levels: how much more alike to the references each object is than these are to each other; (n,), ``None``
            where there are no references.
    """

    pairs: np.ndarray
    levels: np.ndarray | None = None

    @classmethod
    def beside(cls, logits: np.ndarray, references: int) -> PairLogits:
        """Part logits of objects and references.

        Args:
            logits: (n + R, n + R), the references last.
            references: R; with fewer than two there are no levels.

        Examples:
            >>> logits = np.array([[0, 3, 1, 2], [3, 0, 0, 0], [1, 0, 0, 1], [2, 0, 1, 0]])
            >>> PairLogits.beside(logits, 2).levels.tolist()
            [0.5, -1.0]
        """
        n = len(logits) - references
        pairs = logits[:n, :n]
        if references < 2:
            return cls(pairs)
        among = logits[n:, n:][np.triu_indices(references, 1)]
        return cls(pairs, logits[:n, n:].mean(axis=1) - among.mean())

    def subset(self, rows: np.ndarray) -> PairLogits:
        """Some of the objects."""
        return PairLogits(self.pairs[np.ix_(rows, rows)], None if self.levels is None else self.levels[rows])

"""Which omics a head joins, and which head speaks for a patient who lacks some."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Subset = tuple[int, ...]


def head_subsets(count: int) -> list[Subset]:
    """Each omics alone, all but one, and all: the patterns that occur most.

    Example:
        >>> head_subsets(3)
        [(0,), (1,), (2,), (1, 2), (0, 2), (0, 1), (0, 1, 2)]
    """
    every = tuple(range(count))
    alone = [(i,) for i in every]
    but_one = [tuple(j for j in every if j != i) for i in every]
    return list(dict.fromkeys([*alone, *(one for one in but_one if one), every]))


def joint_heads(present: np.ndarray, subsets: Sequence[Subset]) -> np.ndarray:
    """The head (N,) that joins most of what each patient has; the first of equals, -1 where there is nothing.

    Args:
        present: bool (N, M), which omics each patient has.
        subsets: omics of each head.
    """
    fits = np.stack([present[:, list(subset)].all(axis=1) for subset in subsets])
    sizes = fits * np.array([len(subset) for subset in subsets])[:, None]
    return np.where(sizes.any(axis=0), sizes.argmax(axis=0), -1)

"""Slices at the ends of a stack that nobody labelled, though the structure may go on there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Slice distance over pixel size from which stacks are labelled slice by slice; a label of thinner slices ends where
#: its structure does.
_THICK = 2.0


def unlabelled_ends(foreground: np.ndarray, spacing: Sequence[float]) -> tuple[int, int]:
    """Slices before the first and after the last labelled one of a stack of thick slices; (0, 0) for other volumes.

    Args:
        foreground: bool (x, y, z), where something is labelled.
        spacing: mm along each axis; slices lie along the largest.

    Example:
        >>> stack = np.zeros((4, 4, 6), bool)
        >>> stack[1, 1, 2:4] = True
        >>> unlabelled_ends(stack, (1.5, 1.5, 8.0)), unlabelled_ends(stack, (1.5, 1.5, 1.5))
        ((2, 2), (0, 0))
    """
    axis = int(np.argmax(spacing))
    if max(spacing) < _THICK * sorted(spacing)[1]:
        return 0, 0
    labelled = np.flatnonzero(foreground.any(axis=tuple(a for a in range(3) if a != axis)))
    if not len(labelled):
        return 0, 0
    return int(labelled[0]), int(foreground.shape[axis] - 1 - labelled[-1])


def unlabelled_message(first: int, last: int, slices: int) -> str:
    """What a finding says about the slices that :func:`unlabelled_ends` counts.

    Example:
        >>> unlabelled_message(1, 2, 10)
        '3 of 10 slices, at the ends of the stack (1 and 2), have no labelled voxel; they are learnt as background'
    """
    where = f"at the ends of the stack ({first} and {last})" if first and last else "at one end of the stack"
    have = "has" if first + last == 1 else "have"
    learnt = "it is" if first + last == 1 else "they are"
    return f"{first + last} of {slices} slices, {where}, {have} no labelled voxel; {learnt} learnt as background"

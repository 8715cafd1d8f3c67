"""Integers of a label file and what they are translated into; integers without a meaning are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

#: Unknown values that one error message lists.
_MAX_LISTED = 8


class LabelValueError(ValueError):
    """A label volume holds a value that its label convention does not define."""


def translate(volume: np.ndarray, table: Mapping[int, int], dtype: type[np.unsignedinteger[Any]]) -> np.ndarray | None:
    """Replace every integer by its entry in ``table``.

    Args:
        volume: integers of any shape.
        table: integer → entry, neither of them negative.
        dtype: of the result.

    Returns:
        Entries of the same shape; ``None`` if an integer has no entry.
    """
    if volume.min(initial=0) < 0 or volume.max(initial=0) > max(table):
        return None
    # An array as long as the largest integer: sorting (``np.unique``) takes 20 times as long.
    entries, known = np.zeros(max(table) + 1, dtype), np.zeros(max(table) + 1, bool)
    entries[list(table)], known[list(table)] = list(table.values()), True
    return entries[volume] if known.all() or known[volume].all() else None


def as_integers(label: np.ndarray, source: str) -> np.ndarray:
    """The label as integers; floats within 1e-3 of an integer are rounded.

    Args:
        label: any shape.
        source: what the error message calls the volume, e.g. its path.

    Raises:
        LabelValueError: a voxel is not finite, or holds no integer.
    """
    if np.issubdtype(label.dtype, np.integer):
        return label
    if not np.isfinite(label).all():
        raise LabelValueError(f"{source}: {int((~np.isfinite(label)).sum())} voxels are not finite")
    rounded = np.rint(label)
    off = np.abs(label - rounded) > 1e-3
    if off.any():
        raise LabelValueError(f"{source}: {int(off.sum())} voxels hold no integer, e.g. {label[off].flat[0]:g}")
    return rounded.astype(np.int64)


def count_values(label: np.ndarray) -> dict[int, int]:
    """Integer → number of its voxels, for a label of any shape."""
    return {int(value): int(count) for value, count in zip(*np.unique(label, return_counts=True), strict=True)}


def listed(values: Mapping[int, int]) -> str:
    """Values with their counts as a message shows them; an image given as a label has thousands, so not all."""
    shown = [f"{value} ({count} voxels)" for value, count in values.items()]
    more = f" and {len(shown) - _MAX_LISTED} more" if len(shown) > _MAX_LISTED else ""
    return ", ".join(shown[:_MAX_LISTED]) + more

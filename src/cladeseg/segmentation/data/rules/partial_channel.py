"""A channel that shows less of the patient than the other channels of the same image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

#: Share of the other channels' extent below which a channel is incomplete.
_LEAST = 0.8


def partial_channels(covered: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Channels that cover much less than the others do, each with what is odd about it.

    Args:
        covered: for each channel, its number of voxels that are not 0.

    Example:
        >>> list(partial_channels([60, 100, 101, 99]))
        [(0, 'covers only 60 % of what the other channels show; the rest of it is 0')]
        >>> list(partial_channels([100, 98]))
        []
    """
    for i, count in enumerate(covered):
        others = float(np.median([n for j, n in enumerate(covered) if j != i] or [0]))
        if 0 < count < _LEAST * others:
            yield i, f"covers only {100 * count / others:.0f} % of what the other channels show; the rest of it is 0"

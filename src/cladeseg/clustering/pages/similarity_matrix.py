"""The probabilities of all pairs as a matrix ordered by cluster; of thousands of objects, means of a few alike."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from cladeseg.clustering.groups import Grouping
from cladeseg.clustering.pages.contact_sheet import UNSURE, order_of

_PAPER, _DARK = (255, 255, 255), (8, 48, 107)


def similarity_picture(grouping: Grouping, *, side: int = 560) -> np.ndarray:
    """Pair probabilities ordered by cluster, white for 0, dark blue for 1; uint8 (side, side, 3).

    Where there are more objects than pixels, a pixel is the mean over a block of objects, each of one cluster alone.

    Args:
        grouping: of n objects.
        side: pixels.
    """
    numbers, starts = blocks_of(grouping, side)
    order = [index for number in sorted(grouping.medoids) for index in order_of(grouping, number)]
    shade = block_means(grouping.probabilities, np.array(order, dtype=int), starts)[..., None]
    picture = Image.fromarray(np.rint(np.array(_PAPER) * (1 - shade) + np.array(_DARK) * shade).astype(np.uint8))
    picture = picture.resize((side, side), Image.Resampling.NEAREST)
    _outline(picture, numbers)
    return np.asarray(picture)


def blocks_of(grouping: Grouping, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of objects in the order of the picture.

    Args:
        grouping: of n objects.
        most: blocks, unless there are more clusters, each of which has one at least.

    Returns:
        The cluster of each block (B,), and the place at which it begins (B,).
    """
    names, sizes = np.unique(grouping.numbers, return_counts=True)
    share = max(sizes.sum() / max(most, 1), 1.0)
    several = np.maximum(np.floor(sizes / share), 1).astype(int)
    begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    parts = [
        begin + np.arange(count) * size // count for begin, count, size in zip(begins, several, sizes, strict=True)
    ]
    return np.repeat(names, several), np.concatenate(parts) if parts else np.empty(0, dtype=int)


def block_means(values: np.ndarray, order: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Means over blocks of rows and columns; (B, B).

    Args:
        values: (n, n).
        order: of the rows and columns; (n,).
        starts: places in that order at which blocks begin; (B,).
    """
    sizes = np.diff(np.append(starts, order.size))
    rows = np.add.reduceat(values[order], starts, axis=0)[:, order]
    return np.asarray(np.add.reduceat(rows, starts, axis=1) / np.outer(sizes, sizes))


def _outline(picture: Image.Image, numbers: np.ndarray) -> None:
    """A frame round each cluster's block."""
    draw, side = ImageDraw.Draw(picture), picture.width
    for number in np.unique(numbers):
        here = np.flatnonzero(numbers == number)
        begin, end = (round(edge * side / len(numbers)) for edge in (here[0], here[-1] + 1))
        draw.rectangle((begin, begin, max(end - 1, begin), max(end - 1, begin)), outline=UNSURE, width=2)

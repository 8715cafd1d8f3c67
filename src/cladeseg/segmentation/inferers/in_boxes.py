"""Scores of a whole volume of which only boxes were predicted: the rest is background."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from torch import Tensor

from cladeseg.segmentation.transforms import slices_of

#: p(leaf) of all leaves but the background outside the boxes: never 0, so that mirrored views can be averaged.
_FLOOR = 1e-6


def scores_in_boxes(predicted: Sequence[Tensor], boxes: Iterable[np.ndarray], shape: Sequence[int]) -> Tensor:
    """Put the scores of boxes into a volume of nothing but background.

    Args:
        predicted: log p(leaf) (L, *S') of each box, at least one.
        boxes: int (2, D) of each, without overlap.
        shape: S of the volume.

    Returns:
        (L, *S) log p(leaf), normalised, without an infinite value.
    """
    scores = predicted[0].new_full((len(predicted[0]), *shape), math.log(_FLOOR))
    scores[0] = math.log1p(-_FLOOR * (len(scores) - 1))  # the background is the first leaf of every tree
    for box, inside in zip(boxes, predicted, strict=True):
        scores[slices_of(box)] = inside
    return scores


def whole_volume(shape: Sequence[int]) -> np.ndarray:
    """Int (1, 2, D): one box that holds a volume of ``shape``."""
    return np.array([[[0] * len(shape), list(shape)]])

"""Overlap of two masks, from voxel counts."""

from __future__ import annotations

import numpy as np


def dice(prediction: np.ndarray, truth: np.ndarray) -> float | None:
    """Dice coefficient 2|P∩T| / (|P| + |T|) of two bool masks of one shape; ``None`` if both are empty."""
    total = np.count_nonzero(prediction) + np.count_nonzero(truth)
    return 2 * np.count_nonzero(prediction & truth) / total if total else None


def iou(prediction: np.ndarray, truth: np.ndarray) -> float | None:
    """Jaccard index |P∩T| / |P∪T| of two bool masks of one shape; ``None`` if both are empty."""
    union = np.count_nonzero(prediction | truth)
    return np.count_nonzero(prediction & truth) / union if union else None

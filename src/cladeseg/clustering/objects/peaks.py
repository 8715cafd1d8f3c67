"""Key points of a picture: local maxima of each channel inside the object, in polar coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.feature import peak_local_max
from skimage.filters import gaussian

from cladeseg.clustering.objects.foreground import polar_frame
from cladeseg.clustering.objects.key_points import KeyPoints, ObjectPoints


@dataclass(frozen=True)
class PeakRule:
    """Which maxima count.

    Attributes:
        feature_height: height above the object's median, in its channel's range, from which a maximum is a feature.
        candidate_height: the same for a candidate; lower.
        distance: smallest distance of two maxima, in 64ths of the picture's longer side.
        most: maxima of one channel at most; the highest are kept.
    """

    feature_height: float = 0.2
    candidate_height: float = 0.1
    distance: float = 2.0
    most: int = 80


def key_points(picture: np.ndarray, mask: np.ndarray, rule: PeakRule | None = None) -> ObjectPoints:
    """Features and candidates of one object.

    Args:
        picture: float (rows, columns, channels).
        mask: the object; bool (rows, columns).
        rule: which maxima count.
    """
    rule = rule or PeakRule()
    centre, longest = polar_frame(mask)
    channels = [_peaks(picture[..., channel], mask, rule) for channel in range(picture.shape[2])]
    found = np.concatenate([np.column_stack([np.full(len(p), c), p]) for c, p in enumerate(channels)])
    offset = found[:, 1:3] - centre
    angle = np.degrees(np.arctan2(offset[:, 0], offset[:, 1])) % 360
    radius, height = np.linalg.norm(offset, axis=1) / longest, found[:, 3]
    strict = height >= rule.feature_height
    candidates = KeyPoints(angle, found[:, 0], radius, height)
    return ObjectPoints(KeyPoints(angle[strict], found[strict, 0], radius[strict], height[strict]), candidates)


def _peaks(channel: np.ndarray, mask: np.ndarray, rule: PeakRule) -> np.ndarray:
    """Row, column and height of a channel's maxima; (N, 3)."""
    side = max(channel.shape) / 64
    smooth = gaussian(channel, sigma=0.5 * side)
    low, span = float(np.median(smooth[mask])), float(np.ptp(smooth[mask]))
    if span <= 0:
        return np.empty((0, 3))
    height = np.where(mask, (smooth - low) / span, -1.0)
    where = peak_local_max(
        height,
        min_distance=max(1, round(rule.distance * side)),
        threshold_abs=rule.candidate_height,
        exclude_border=False,
        num_peaks=rule.most,
    )
    return np.column_stack([where, height[where[:, 0], where[:, 1]]])

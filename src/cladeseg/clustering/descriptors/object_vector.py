"""An object as a row of numbers: histograms of its key points, and its shape and texture where there are pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cladeseg.clustering.objects import ClusteredObject, KeyPoints, ObjectSet

_RADII, _VALUES = 12, 4


def object_vectors(objects: ObjectSet, channels: Sequence[int]) -> np.ndarray:
    """Rows of numbers; float (n, D).

    Args:
        objects: n of them.
        channels: those whose key points are looked at; of the training, so that rows stay comparable.
    """
    return np.stack([_vector(one, channels) for one in objects.objects]) if len(objects) else np.empty((0, 0))


def channels_of(objects: ObjectSet) -> list[int]:
    """Channels in which some object has a key point."""
    held = [np.unique(one.points.candidates.channel) for one in objects.objects if one.points is not None]
    return sorted({int(channel) for each in held for channel in each})


def _vector(one: ClusteredObject, channels: Sequence[int]) -> np.ndarray:
    if one.points is None:
        return one.shape
    return np.concatenate([*(_histogram(one.points.candidates, channel) for channel in channels), one.shape])


def _histogram(points: KeyPoints, channel: int) -> np.ndarray:
    """Shares of points by radius and by height, their logarithmic number, mean and spread of heights; (19,)."""
    here = points.channel == channel
    count = int(here.sum())
    value = points.value[here]
    radii = np.histogram(np.clip(points.radius[here], 0, 1), _RADII, (0, 1))[0] / max(count, 1)
    values = np.histogram(np.clip(value, 0, 1), _VALUES, (0, 1))[0] / max(count, 1)
    moments = [value.mean(), value.std()] if count else [0.0, 0.0]
    return np.array([*radii, *values, np.log1p(count), *moments])

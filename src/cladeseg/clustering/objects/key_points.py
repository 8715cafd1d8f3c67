"""Key points of one object: bright spots in polar coordinates round its centre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cladeseg.files import DataError


@dataclass(frozen=True)
class KeyPoints:
    """Bright spots of one object.

    Args:
        angle: round the centre, in degrees; (N,).
        channel: in which a spot was found; int (N,).
        radius: distance to the centre over the longest distance from centre to boundary; (N,).
        value: normalised height of the peak; (N,).

    Raises:
        DataError: the arrays differ in length or hold a number that is not finite.

    Examples:
        >>> KeyPoints(angle=[0.0, 90.0], channel=[0, 1], radius=[0.5, 0.25], value=[1.0, 0.5]).count
        2
    """

    angle: np.ndarray
    channel: np.ndarray
    radius: np.ndarray
    value: np.ndarray

    def __post_init__(self) -> None:
        for name in ("angle", "radius", "value"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=float).reshape(-1))
        object.__setattr__(self, "channel", np.asarray(self.channel, dtype=int).reshape(-1))
        arrays = (self.angle, self.channel, self.radius, self.value)
        if len({array.size for array in arrays}) > 1:
            raise DataError(f"key points: columns of lengths {[array.size for array in arrays]}; they must be equal")
        if not all(np.isfinite(array).all() for array in arrays):
            raise DataError("key points: a value is not finite; remove the point, or the object")

    @property
    def count(self) -> int:
        """Number of points N."""
        return self.angle.size


@dataclass(frozen=True)
class ObjectPoints:
    """The two sets of key points that a directed comparison needs.

    Args:
        features: few and certain; matched when the object is on the left.
        candidates: more and less certain; matched to when it is on the right.
    """

    features: KeyPoints
    candidates: KeyPoints

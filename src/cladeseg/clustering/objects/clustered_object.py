"""One object to be clustered, and a set of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cladeseg.clustering.objects.key_points import ObjectPoints
from cladeseg.files import DataError


@dataclass(frozen=True)
class ClusteredObject:
    """What is known of one object.

    Attributes:
        id: unique among the objects at hand.
        points: its key points; ``None`` for an object of a volume.
        crop: its picture on a square of fixed size, float32 (side, side, channels), of a volume's object
            one slice; ``None`` for a key-point table.
        shape: numbers of shape and texture that need the pixels; (S,), empty for a key-point table.
        digest: sha256 of what it was made from.
    """

    id: str
    points: ObjectPoints | None
    crop: np.ndarray | None = None
    shape: np.ndarray = field(default_factory=lambda: np.empty(0))
    digest: str = ""


@dataclass(frozen=True)
class ObjectSet:
    """Objects with what is known of their classes.

    Args:
        objects: in the order of their ids.
        classes: id → class; may name fewer objects than there are.
        sources: id → group of objects, such as an image that both were cut from, that never is split.

    Raises:
        DataError: an id stands twice, or the objects are of two kinds.
    """

    objects: Sequence[ClusteredObject]
    classes: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ids = self.ids
        twice = next((one for at, one in enumerate(ids) if one in ids[:at]), None) if len(set(ids)) < len(ids) else None
        if twice is not None:
            raise DataError(f"{twice}: two objects have this id; rename one")
        for one in self.objects:
            first = self.objects[0]
            if _kind(one) != _kind(first):
                raise DataError(
                    f"{one.id}: has {_said(one)}, but {first.id} has {_said(first)}; keep them in separate folders"
                )

    @property
    def ids(self) -> list[str]:
        """Of all objects, in order."""
        return [one.id for one in self.objects]

    def __len__(self) -> int:
        return len(self.objects)

    def subset(self, ids: Sequence[str]) -> ObjectSet:
        """Some of the objects, in the given order."""
        by_id = {one.id: one for one in self.objects}
        return ObjectSet([by_id[one] for one in ids], self.classes, self.sources)

    def labels(self) -> np.ndarray:
        """Class of each object; all of them must have one.

        Raises:
            DataError: one has none.
        """
        missing = next((one for one in self.ids if one not in self.classes), None)
        if missing is not None:
            raise DataError(f"{missing}: has no class in labels.csv; add a row, or leave the object out")
        return np.array([self.classes[one] for one in self.ids])


def digest_of_arrays(*arrays: np.ndarray) -> str:
    """sha256 of arrays, with shape and type."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _kind(one: ClusteredObject) -> tuple[int, int, bool]:
    return (0 if one.crop is None else one.crop.shape[2], one.shape.size, one.points is None)


def _said(one: ClusteredObject) -> str:
    if one.crop is None:
        return "key points"
    return f"{one.crop.shape[2]} channel(s)" + (" of a volume" if one.points is None else "")

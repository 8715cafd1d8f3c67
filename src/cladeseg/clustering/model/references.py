"""References: training objects that a model keeps, so that a few new objects are not judged by each other alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from torch import Tensor, as_tensor

from cladeseg.clustering.objects import ClusteredObject, KeyPoints, ObjectPoints, ObjectSet

_FEW_OBJECTS = 50
_KEY_POINTS = ("angle", "channel", "radius", "value")
_SETS = ("features", "candidates")


def choose_references(classes: np.ndarray, most: int, *, seed: int) -> np.ndarray:
    """Objects of as many classes as possible, as many of each.

    Args:
        classes: (n,).
        most: references.
        seed: of the draw.

    Returns:
        int (R,), rows in rising order.

    Examples:
        >>> classes = np.array(["a", "a", "a", "b", "c", "c"])
        >>> classes[choose_references(classes, 3, seed=0)].tolist()
        ['a', 'b', 'c']
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(classes))
    turn = np.empty(len(classes), dtype=int)
    for name in np.unique(classes):
        members = order[classes[order] == name]
        turn[members] = np.arange(members.size)
    first = order[np.argsort(turn[order], kind="stable")]
    return np.sort(first[:most])


def need_references(n: int) -> bool:
    """Whether n objects are so few that they are judged beside references; above, these count less than a sixteenth."""
    return n <= _FEW_OBJECTS


def beside(objects: ObjectSet, references: Sequence[ClusteredObject]) -> tuple[ObjectSet, int]:
    """Objects with the references behind them, where the objects are few.

    A reference that is itself among the objects is left out.

    Returns:
        The objects and R references, and R.
    """
    if not need_references(len(objects)):
        return objects, 0
    here = {one.digest for one in objects.objects}
    kept = [replace(one, id=f"reference {one.id}") for one in references if one.digest not in here]
    return ObjectSet([*objects.objects, *kept], objects.classes, objects.sources), len(kept)


# ---- on disk ---------------------------------------------------------------------------------------------------------


def reference_tensors(references: Sequence[ClusteredObject]) -> dict[str, Tensor]:
    """Everything of them but their names, by name."""
    found: dict[str, Any] = {}
    for number, one in enumerate(references):
        found[f"reference.{number}.shape"] = one.shape
        if one.crop is not None:
            found[f"reference.{number}.crop"] = one.crop
        if one.points is not None:
            for kind in _SETS:
                columns = asdict(getattr(one.points, kind))
                found |= {f"reference.{number}.{kind}.{name}": columns[name] for name in _KEY_POINTS}
    return {name: as_tensor(np.ascontiguousarray(array)) for name, array in found.items()}


def reference_names(references: Sequence[ClusteredObject]) -> list[dict[str, str]]:
    """Their ids and digests."""
    return [{"id": one.id, "digest": one.digest} for one in references]


def read_references(names: Sequence[Mapping[str, str]], tensors: Mapping[str, Tensor]) -> tuple[ClusteredObject, ...]:
    """What :func:`reference_names` and :func:`reference_tensors` hold."""
    return tuple(
        ClusteredObject(
            held["id"], _points(f"reference.{number}", tensors), _array(f"reference.{number}.crop", tensors),
            tensors[f"reference.{number}.shape"].numpy(), held["digest"],
        )
        for number, held in enumerate(names)
    )  # fmt: skip


def _array(name: str, tensors: Mapping[str, Tensor]) -> np.ndarray | None:
    return tensors[name].numpy() if name in tensors else None


def _points(prefix: str, tensors: Mapping[str, Tensor]) -> ObjectPoints | None:
    if f"{prefix}.features.angle" not in tensors:
        return None
    return ObjectPoints(
        *(KeyPoints(*(tensors[f"{prefix}.{kind}.{name}"].numpy() for name in _KEY_POINTS)) for kind in _SETS)
    )

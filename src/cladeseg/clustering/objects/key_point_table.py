"""Key points that somebody found already: npz files of many objects, as the paper's authors stored theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cladeseg.clustering.objects.clustered_object import ClusteredObject, digest_of_arrays
from cladeseg.clustering.objects.key_points import KeyPoints, ObjectPoints
from cladeseg.files import DataError

_SETS = ("features", "candidates")
_KEYS = (*_SETS, "features_id", "candidates_id", "columns", "ids")
#: Our name of a column → theirs.
_COLUMNS = {"angle": "angle_deg", "channel": "channel", "radius": "r_max", "value": "norm_peak"}


def is_key_point_table(path: str | Path) -> bool:
    """Whether an npz file holds key points; others may lie beside it.

    Raises:
        DataError: it is no npz file.
    """
    with _open(Path(path)) as table:
        return set(_SETS) <= set(table.files)


def read_key_points(path: str | Path) -> tuple[list[ClusteredObject], dict[str, str]]:
    """All objects of a table, and the classes that it gives.

    Args:
        path: an npz file with ``features`` and ``candidates`` (N, columns), ``features_id`` and ``candidates_id`` (N,),
            ``columns``, ``ids`` and maybe ``classes``.

    Returns:
        The objects in the order of ``ids``; id → class.

    Raises:
        DataError: a key or column is missing, a value is not finite, or an object has no point.
    """
    with _open(Path(path)) as table:
        _require(path, _KEYS, table.files)
        held = {key: table[key] for key in table.files}
    names = [str(column) for column in held["columns"]]
    _require(path, _COLUMNS.values(), names)
    columns = [names.index(column) for column in _COLUMNS.values()]
    ids = [str(one) for one in held["ids"]]
    objects = [_object(path, name, one, held, columns) for name, one in zip(ids, held["ids"], strict=True)]
    classes = dict(zip(ids, map(str, held["classes"]), strict=True)) if "classes" in held else {}
    return objects, classes


def _object(
    path: str | Path, name: str, key: object, held: dict[str, np.ndarray], columns: list[int]
) -> ClusteredObject:
    points = {one: held[one][held[f"{one}_id"] == key][:, columns] for one in _SETS}
    for kind, table in points.items():
        if not np.isfinite(table).all():
            raise DataError(f"{path}: object {name}: a value of its {kind} is not finite; remove the point")
    if not len(points["features"]) or not len(points["candidates"]):
        raise DataError(f"{path}: object {name} has no key points; remove it")
    features, candidates = (KeyPoints(*points[one].astype(float).T) for one in _SETS)
    return ClusteredObject(name, ObjectPoints(features, candidates), digest=digest_of_arrays(*points.values()))


def _require(path: str | Path, wanted: object, there: list[str]) -> None:
    missing = [one for one in wanted if one not in there]  # type: ignore[attr-defined]
    if missing:
        raise DataError(f"{path}: has no {', '.join(missing)}; see docs/clustering.md for the format of key points")


def _open(path: Path) -> np.lib.npyio.NpzFile:
    try:
        found = np.load(path, allow_pickle=False)
        if not isinstance(found, np.lib.npyio.NpzFile):
            raise ValueError("it holds one array")
        return found
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: cannot be read as an npz file ({error})") from error

"""Objects of a study: a folder as the bundle reads it, or the crops of blood cells (BCCD) in one npz file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from cladeseg.clustering.objects import ObjectSet, find_object, object_from_picture, read_objects
from cladeseg.files import DataError

CROPS = "crops64.npz"
_KEYS = ("images", "cell_type", "wbc_subtype", "source_image")
_FEWEST = 10  # objects of a class that is studied


def read_study_objects(folder: str | Path) -> ObjectSet:
    """All labelled objects of a folder.

    Args:
        folder: with ``crops64.npz`` (``images`` (N, 64, 64, 3), ``cell_type``, ``wbc_subtype`` and ``source_image`` of
            each), or as :func:`~cladeseg.clustering.objects.read_objects` takes it.

    Raises:
        DataError: it cannot be used.
    """
    file = Path(folder) / CROPS
    found = _blood_cells(file) if file.is_file() else read_objects(folder)
    counts = {name: list(found.classes.values()).count(name) for name in set(found.classes.values())}
    kept = [one for one in found.ids if counts.get(found.classes.get(one, ""), 0) >= _FEWEST]
    if not kept:
        raise DataError(f"{folder}: no class has {_FEWEST} labelled objects; label more, in labels.csv")
    return found.subset(kept)


def _blood_cells(file: Path) -> ObjectSet:
    """Each cell's class is the subtype of a white cell, else its type; those without one are left out."""
    try:
        with np.load(file, allow_pickle=False) as held:
            images, kind, subtype, source = (held[key] for key in _KEYS)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{file}: cannot be read as crops of blood cells ({error})") from error
    names = np.where(kind == "WBC", subtype, kind)
    kept = np.flatnonzero(names != "")
    objects = []
    for index in tqdm(kept, desc="reading", unit="cell", disable=None):
        picture = images[index].astype(np.float32) / np.float32(255)
        objects.append(object_from_picture(str(index), picture, find_object(picture, name=f"{file}: {index}")))
    classes = {str(index): str(names[index]) for index in kept}
    return ObjectSet(objects, classes, {str(index): str(source[index]) for index in kept})

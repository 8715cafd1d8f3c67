"""Which labelled objects train, validate and test; objects of one source stay together."""

from __future__ import annotations

from cladeseg.clustering.objects import ObjectSet
from cladeseg.clustering.workflow.settings import SplitSettings
from cladeseg.cohort import split_patients
from cladeseg.files import DataError


def split_objects(objects: ObjectSet, settings: SplitSettings, *, seed: int) -> dict[str, list[str]]:
    """Split by source, stratified by class.

    Args:
        objects: those without a class take no part.
        settings: shares of validation and test.
        seed: another seed is another draw.

    Returns:
        ``{"training": [...], "validation": [...], "test": [...]}``, ids in the objects' order.

    Raises:
        DataError: too few labelled objects or sources.
    """
    known = [one for one in objects.ids if one in objects.classes]
    if not known:
        raise DataError("labels.csv: gives no class to any object; write one row (id, class) for each known object")
    source_of = {one: objects.sources.get(one, f"object {one}") for one in known}
    groups: dict[str, str] = {}
    for one in known:
        groups.setdefault(source_of[one], objects.classes[one])
    parts = split_patients(groups, validation=settings.validation, test=settings.test, seed=seed)
    part_of = {source: part for part, sources in parts.items() for source in sources}
    return {part: [one for one in known if part_of[source_of[one]] == part] for part in parts}

"""Everything that decides what a datalist looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cladeseg.files import DataError
from cladeseg.taxonomy import FINE, UNLABELLED, Taxonomy

#: Instead of a number of patients.
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class DatalistSettings:
    """Everything that decides what a datalist looks like; stored in it.

    Attributes:
        label_convention: which file convention wrote the labels; ``"auto"`` to detect it; the detected one is stored.
        layout: folder layout, see :data:`cladeseg.segmentation.data.layouts.LAYOUTS`; ``"auto"`` to recognise it; the
            recognised one is stored.
        channels: names of the channels, in order, where the layout names files by them; all that it finds if empty.
        fine_patients: number of training patients whose label is used down to the leaves, ``"all"``, or their names.
        coarse_patients: number of further training patients whose label is used as a superclass outline, or ``"all"``
            the others.  Whoever is left counts as unlabelled.
        superclass: the outline that coarse patients have, names joined by ``+``; ``None`` for the tree's coarsest.
        validation_fraction: part of the patients that selects a model.
        test_fraction: part of the patients that is kept for the final figures; always labelled down to the leaves.
        validation_supervision: ``"superclass"`` or ``"fine"``; leaves of validation cases are fine labels as well, so
            they count when few fine labels are the point.
        seed: decides the split and who is labelled finely.
        draw: another draw of the fine patients within the same split; 0 is the seed's own.
        allow_missing_labels: take cases without a label file as unlabelled ones.
    """

    label_convention: str
    layout: str = "auto"
    channels: Sequence[str] = ()
    fine_patients: int | Literal["all"] | list[str] = "all"
    coarse_patients: int | Literal["all"] = "all"
    superclass: str | None = None
    validation_fraction: float = 0.1
    test_fraction: float = 0.2
    validation_supervision: Literal["superclass", "fine"] = "superclass"
    seed: int = 0
    draw: int = 0
    allow_missing_labels: bool = False


def resolve_settings(settings: DatalistSettings, taxonomy: Taxonomy) -> DatalistSettings:
    """Put the tree's own superclass in place of ``None``.

    Raises:
        DataError: a setting that has no meaning, or none for this tree.
        TaxonomyError: the superclass names no node of the tree.
    """
    if settings.validation_supervision not in ("superclass", FINE):
        raise DataError(
            f"validation_supervision: '{settings.validation_supervision}' is neither 'superclass' nor '{FINE}'"
        )
    if settings.superclass in (FINE, UNLABELLED):
        raise DataError(f"superclass: '{settings.superclass}' is not an outline; name nodes of '{taxonomy.name}'")
    for key in ("fine_patients", "coarse_patients"):
        number = getattr(settings, key)
        if key == "fine_patients" and isinstance(number, list):
            _check_names(number)
            continue
        if number != ALL and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
            raise DataError(f"{key}: {number!r} is not a number of patients; write one, or '{ALL}'")
    if isinstance(settings.draw, bool) or not isinstance(settings.draw, int) or settings.draw < 0:
        raise DataError(f"draw: {settings.draw!r} is not a whole number of at least 0")
    superclass = settings.superclass or taxonomy.default_superclasses or UNLABELLED
    taxonomy.collapse_table(superclass)
    if (
        superclass == UNLABELLED
        and settings.validation_supervision == "superclass"
        and settings.validation_fraction > 0
    ):
        raise DataError(f"validation_supervision: taxonomy '{taxonomy.name}' has no superclass; set it to '{FINE}'")
    return replace(settings, superclass=superclass, channels=list(settings.channels))


def _check_names(patients: list[str]) -> None:
    if not all(isinstance(patient, str) for patient in patients) or len(set(patients)) != len(patients):
        raise DataError(f"fine_patients: {patients!r} should name patients, each once")

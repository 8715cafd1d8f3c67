"""How much of its label each case may use: the supervision, given the split and the budget of labels."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from cladeseg.cohort.split import draw_fine
from cladeseg.files import DataError
from cladeseg.segmentation.data.datalist_settings import DatalistSettings
from cladeseg.taxonomy import FINE, UNLABELLED

logger = logging.getLogger(__name__)


def assign_supervision(
    cases: Sequence[Mapping[str, Any]], parts: Mapping[str, list[str]], settings: DatalistSettings
) -> dict[str, list[dict[str, Any]]]:
    """Give every case its supervision.

    Args:
        cases: all cases, as a layout lists them.
        parts: training, validation and test patients.
        settings: the budget of labels, with the superclass resolved.

    Returns:
        The cases of each part.  With ``allow_missing_labels`` a case without a label is unlabelled in training and
        left out elsewhere; else it keeps the supervision that its patient should have, for the check to refuse.

    Raises:
        DataError: fewer training patients than the settings ask for.

    Example:
        >>> cases = [{"case": f"c{i}", "patient": f"p{i}", "group": "a", "label": f"c{i}.nii"} for i in range(4)]
        >>> parts = {"training": ["p0", "p1", "p2"], "validation": [], "test": ["p3"]}
        >>> budget = {"fine_patients": ["p1"], "coarse_patients": 1, "superclass": "heart"}
        >>> assigned = assign_supervision(cases, parts, DatalistSettings(label_convention="acdc", **budget))
        >>> sorted(case["supervision"] for case in assigned["training"])
        ['fine', 'heart', 'unlabelled']
    """
    validation = FINE if settings.validation_supervision == FINE else settings.superclass
    by_patient = {
        **_training_supervision(cases, parts["training"], settings),
        **dict.fromkeys(parts["validation"], validation),
        **dict.fromkeys(parts["test"], FINE),
    }
    supervised = [_with_supervision(case, by_patient[case["patient"]], settings) for case in cases]
    assigned = {part: [case for case in supervised if case["patient"] in patients] for part, patients in parts.items()}
    return {part: kept if part == "training" else _drop_unlabelled(kept, part) for part, kept in assigned.items()}


def _training_supervision(
    cases: Sequence[Mapping[str, Any]], training: Sequence[str], settings: DatalistSettings
) -> dict[str, str | None]:
    """Training patient → supervision: the first of one nested draw are fine, the next coarse, the others unlabelled."""
    candidates = {
        case["patient"]: case["group"]
        for case in cases
        if case["patient"] in training and ("label" in case or not settings.allow_missing_labels)
    }
    chosen = settings.fine_patients
    named = chosen if isinstance(chosen, list) else []
    _refuse_unknown(named, candidates)
    fine = len(chosen) if isinstance(chosen, list) else _number(chosen, len(candidates))
    coarse = _number(settings.coarse_patients, max(0, len(candidates) - fine))
    others = {patient: group for patient, group in candidates.items() if patient not in named}
    drawn = [*named, *draw_fine(others, fine + coarse - len(named), settings.seed, draw=settings.draw)]
    supervision: dict[str, str | None] = dict.fromkeys(training, UNLABELLED)
    supervision.update(dict.fromkeys(drawn[:fine], FINE))
    supervision.update(dict.fromkeys(drawn[fine:], settings.superclass))
    return supervision


def _refuse_unknown(named: Sequence[str], candidates: Mapping[str, str]) -> None:
    for patient in named:
        if patient not in candidates:
            raise DataError(f"fine_patients: '{patient}' is no training patient with a label")


def _number(setting: int | Literal["all"], available: int) -> int:
    return available if setting == "all" else setting


def _with_supervision(case: Mapping[str, Any], supervision: str | None, settings: DatalistSettings) -> dict[str, Any]:
    if "label" not in case and settings.allow_missing_labels:
        supervision = UNLABELLED
    return without_hidden_labels({**case, "supervision": supervision})


def supervision_of(case: Mapping[str, Any]) -> str:
    """What a case says of itself; else it is fully annotated if it has a label (MONAI Label sends such cases).

    Example:
        >>> [supervision_of(case) for case in ({"supervision": "heart", "label": "a.nii"}, {"label": "b.nii"}, {})]
        ['heart', 'fine', 'unlabelled']
    """
    return str(case.get("supervision", FINE if "label" in case else UNLABELLED))


def without_hidden_labels(case: Mapping[str, Any]) -> dict[str, Any]:
    """The case without the path of a label that it must not open.

    Example:
        >>> without_hidden_labels({"case": "a", "label": "a.nii", "supervision": "unlabelled"})
        {'case': 'a', 'supervision': 'unlabelled'}
    """
    hidden = ("label", "missing_label") if case["supervision"] == UNLABELLED else ()
    return {key: value for key, value in case.items() if key not in hidden}


def _drop_unlabelled(members: list[dict[str, Any]], part: str) -> list[dict[str, Any]]:
    for case in members:
        if case["supervision"] == UNLABELLED:
            logger.warning("%s: left out of %s because it has no label", case["case"], part)
    return [case for case in members if case["supervision"] != UNLABELLED]

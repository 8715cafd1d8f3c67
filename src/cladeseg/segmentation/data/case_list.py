"""What every layout's list of cases must be: unique names, files that exist, nothing passed over in silence."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.files import DataError

logger = logging.getLogger(__name__)

#: Group of patients whose layout names none.
UNKNOWN = "unknown"
_EXAMPLES = 3
_SHOWN = 60


def data_folder(dataset_dir: str | Path) -> Path:
    """The folder of a data set.

    Raises:
        DataError: there is no such folder.
    """
    root = Path(dataset_dir)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    return root


def unique_cases(cases: Iterable[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The cases sorted by name.

    Args:
        cases: where each was found, for messages, and the case.

    Raises:
        DataError: two have one name.

    Example:
        >>> [case["case"] for case in unique_cases([("b.nii", {"case": "b"}), ("a.nii", {"case": "a"})])]
        ['a', 'b']
    """
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for where, case in cases:
        if case["case"] in found:
            raise DataError(f"{where}: a second case '{case['case']}', the first is {found[case['case']][0]}")
        found[case["case"]] = (where, case)
    return [found[name][1] for name in sorted(found)]


def refuse_split_patients(cases: Sequence[Mapping[str, Any]], where: str | Path) -> None:
    """Stop where a list puts cases of one patient on two sides of its split.

    Raises:
        DataError: names the patient and both sides.
    """
    side: dict[str, str] = {}
    for case in cases:
        part = case.get("part", "training")
        if side.setdefault(case["patient"], part) != part:
            raise DataError(
                f"{where}: patient '{case['patient']}' is listed for {side[case['patient']]} and for {part}"
            )


def log_unused_keys(
    entries: Iterable[Mapping[str, Any]], used: Iterable[str], where: str, reasons: Mapping[str, str] | None = None
) -> None:
    """Say once for each key that entries have and nobody looks at, in how many of them it stands and why."""
    known = set(used)
    counts = Counter(key for entry in entries for key in entry if key not in known)
    for key, times in counts.items():
        reason = f": {reasons[key]}" if reasons and key in reasons else ""
        logger.warning("%s: key %a (%d times) is not used%s", where, key[:_SHOWN], times, reason)


def log_left_out(files: Sequence[Any], where: str | Path, why: str) -> None:
    """Say how many files are passed over, with the first of them."""
    if files:
        names = ", ".join(str(file) for file in files[:_EXAMPLES])
        more = ", …" if len(files) > _EXAMPLES else ""
        logger.warning("%s: %d files are left out, %s: %s%s", where, len(files), why, names, more)

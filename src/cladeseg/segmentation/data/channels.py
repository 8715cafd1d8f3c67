"""Which of a case's files is which channel, where a layout's names say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cladeseg.files import DataError


def channel_names(cases: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Names of the channels that all cases have in one order; empty where the layout does not name them.

    Args:
        cases: as a layout lists them; ``channels`` names the files of ``image``, or the volumes of a 4D file, in order.

    Example:
        >>> channel_names([{"case": "a", "image": ["a_C0.nii", "a_T2.nii"], "channels": ["C0", "T2"]}])
        ('C0', 'T2')
    """
    named = {tuple(case.get("channels", ())) for case in cases}
    return named.pop() if len(named) == 1 else ()


def choose_channels(cases: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> list[dict[str, Any]]:
    """The cases with the files of ``wanted`` channels alone, in that order; ``channels`` is gone afterwards.

    Args:
        cases: as a layout lists them.
        wanted: names of channels; empty takes all as they are.  Cases whose channels have no names are taken as they
            are, and so is a 4D file: the names then are those of its volumes, in order.

    Raises:
        DataError: a case lacks a channel, or the order contradicts that inside a 4D file.

    Example:
        >>> case = {"case": "a", "image": ["a_C0.nii", "a_LGE.nii", "a_T2.nii"], "channels": ["C0", "LGE", "T2"]}
        >>> choose_channels([case], ["T2", "C0"])
        [{'case': 'a', 'image': ['a_T2.nii', 'a_C0.nii']}]
    """
    return [_with_channels(case, wanted) for case in cases]


def _with_channels(case: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    kept = {key: value for key, value in case.items() if key != "channels"}
    names, image = list(case.get("channels", ())), case["image"]
    if not wanted or not names or list(wanted) == names:
        return kept
    if isinstance(image, str):
        _check_order(case, names, wanted)
        return kept
    missing = [name for name in wanted if name not in names]
    if missing:
        raise DataError(f"{image[0]}: case '{case['case']}' has no channel '{missing[0]}'; it has {', '.join(names)}")
    files = [image[names.index(name)] for name in wanted]
    return {**kept, "image": files if len(files) > 1 else files[0]}


def _check_order(case: Mapping[str, Any], names: Sequence[str], wanted: Sequence[str]) -> None:
    """Other names for the volumes of a 4D file are fine; another order or number of them is not."""
    if len(wanted) != len(names) or set(wanted) == set(names):
        raise DataError(
            f"{case['image']}: holds the channels {', '.join(names)} in this order, not {', '.join(wanted)}"
        )

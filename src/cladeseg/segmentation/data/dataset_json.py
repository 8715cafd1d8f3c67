"""What a data set's JSON file says of itself: the keys that describe it, and the names of its channels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cladeseg.files import DataError, read_json

FILE = "dataset.json"
#: Keys of a dataset.json that describe it; the integers of its labels are the tree's business.
DESCRIPTIVE = (
    "name",
    "description",
    "reference",
    "licence",
    "license",
    "release",
    "tensorImageSize",
    "modality",
    "labels",
    "numTraining",
    "numTest",
)


def read_object(file: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        DataError: it cannot be read, or holds anything else.
    """
    content = read_json(file)
    if not isinstance(content, dict):
        raise DataError(f"{file}: should hold an object with a list 'training', found {type(content).__name__}")
    return content


def peek(file: Path) -> Mapping[str, Any]:
    """What a JSON file holds if it is an object, else nothing: for a look at what a folder may be."""
    try:
        content = read_json(file) if file.is_file() else None
    except DataError:
        return {}
    return content if isinstance(content, dict) else {}


def modalities(listed: Any) -> tuple[str, ...]:
    """Names of several channels, as ``{"0": "FLAIR", "1": "T1w"}`` gives them; empty for one, or where it does not.

    Example:
        >>> modalities({"1": "T1w", "0": "FLAIR"}), modalities({"0": "MRI"})
        (('FLAIR', 'T1w'), ())
    """
    if not isinstance(listed, dict) or len(listed) < 2:
        return ()
    names = [listed.get(str(i)) for i in range(len(listed))]
    distinct = all(isinstance(name, str) and name for name in names) and len(set(names)) == len(names)
    return tuple(str(name) for name in names) if distinct else ()

"""The sha256 of weight files and of their description: recorded beside them, compared before one of them is used."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cladeseg.files import DataError, read_json

logger = logging.getLogger(__name__)

#: The two forms of one model's weights: the one that we open first, and the one that MONAI's tools need.
WEIGHT_FILES = ("model.safetensors", "model.pt")
#: What inference must know about the weights; it holds the sha256 of all three, its own one over the rest of it.
DESCRIPTION = "model.json"
_CHUNK = 1 << 20


def sha256_of(path: str | Path) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def description_sha256(content: Mapping[str, Any]) -> str:
    """Hex digest of a description's content but for this digest itself; layout and order of the file do not count."""
    table = {name: digest for name, digest in content.get("sha256", {}).items() if name != DESCRIPTION}
    text = json.dumps({**content, "sha256": table}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def with_own_sha256(content: Mapping[str, Any]) -> dict[str, Any]:
    """A description that also records what its content is.

    Example:
        >>> sealed = with_own_sha256({"spacing": [1.0, 1.0, 2.0]})
        >>> sealed["sha256"]["model.json"] == description_sha256({**sealed, "spacing": [1.0, 1.0, 2.5]})
        False
    """
    return {**content, "sha256": {**content.get("sha256", {}), DESCRIPTION: description_sha256(content)}}


def digest_of(path: str | Path) -> str:
    """What a record holds of a file: :func:`description_sha256` of a description, :func:`sha256_of` of any other.

    Raises:
        DataError: a description cannot be read.
    """
    if Path(path).name != DESCRIPTION:
        return sha256_of(path)
    _table(Path(path), "sha256")
    return description_sha256(_read(Path(path)))


def recorded_hashes(path: str | Path) -> dict[Path, str]:
    """What each record says that a file's sha256 is: record file → digest; empty if none mentions it.

    Records are ``model.json`` beside the file (key ``sha256``) and, for a file in a bundle's ``models/``, the bundle's
    ``configs/metadata.json`` (key ``weights``).

    Raises:
        DataError: a record cannot be read.
    """
    path = Path(path)
    folder = path.absolute().parent
    records = {folder / "model.json": "sha256", folder.parent / "configs" / "metadata.json": "weights"}
    found = {record: _table(record, key).get(path.name) for record, key in records.items()}
    return {record: digest for record, digest in found.items() if digest is not None}


def check_weights(path: str | Path, *, required: bool) -> None:
    """Compare a weight file, or a description, with its records, without opening it as weights.

    Args:
        path: the file.
        required: whether it must have a record.

    Raises:
        DataError: a record disagrees, or there is none although it is required, or it lists a file that is not there;
            the message names the file first.
    """
    path = Path(path)
    records = recorded_hashes(path)
    if records and not path.is_file():
        raise DataError(f"{path}: is missing, though {next(iter(records))} lists it; {_WAY_OUT}")
    if not records and required:
        raise DataError(f"{path}: nothing records its sha256, so {_unrecorded(path)}")
    if not records:
        logger.warning("%s: nothing records its sha256; it is used because it was named", path)
        return
    actual = digest_of(path)
    for record, expected in records.items():
        if actual != expected:
            difference = f"its sha256 is {actual[:16]}…, but {record} says {expected[:16]}…"
            raise DataError(f"{path}: {_differs(path)}: {difference}; {_WAY_OUT}")


_WAY_OUT = "restore it, or train anew"


def _unrecorded(path: Path) -> str:
    if path.name == DESCRIPTION:
        return f"it may have been edited; {_WAY_OUT}"
    return (
        "it may be damaged or another model's; "
        "'cladeseg promote' writes the record, or name the file with --weights if you trust it"
    )


def _differs(path: Path) -> str:
    if path.name == DESCRIPTION:
        return "was changed since the weights were stored, and is not used"
    return "is damaged or another model's, and was not opened"


def _table(record: Path, key: str) -> dict[str, str]:
    """File name → sha256 of one record."""
    content = _read(record) if record.is_file() else {}
    table = content.get(key, {}) if isinstance(content, dict) else None
    if not isinstance(table, dict) or not all(isinstance(digest, str) for digest in table.values()):
        raise DataError(f'{record}: \'{key}\' gives no sha256 by file name, e.g. {{"model.pt": "0f3a…"}}')
    return table


def _read(record: Path) -> Any:
    try:
        return read_json(record)
    except DataError as error:
        raise DataError(f"{error}; {_WAY_OUT}") from error

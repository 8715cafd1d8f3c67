"""The sha256 of weight files: recorded beside them, compared before one of them is opened."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from cladeseg.files import DataError, read_json

logger = logging.getLogger(__name__)

#: The two forms of one model's weights: the one that we open first, and the one that MONAI's tools need.
WEIGHT_FILES = ("model.safetensors", "model.pt")
_CHUNK = 1 << 20


def sha256_of(path: str | Path) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def recorded_hashes(path: str | Path) -> dict[Path, str]:
    """What each record says that a weight file's sha256 is: record file → digest; empty if none mentions it.

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
    """Compare a weight file with its records, without opening it as weights.

    Args:
        path: the file.
        required: whether it must have a record.

    Raises:
        DataError: a record disagrees, or there is none although it is required; the message names the file first.
    """
    records = recorded_hashes(path)
    if not records and required:
        raise DataError(
            f"{path}: nothing records its sha256, so it may be damaged or another model's; "
            "'cladeseg promote' writes the record, or name the file with --weights if you trust it"
        )
    if not records:
        logger.warning("%s: nothing records its sha256; it is used because it was named", path)
        return
    actual = sha256_of(path)
    for record, expected in records.items():
        if actual != expected:
            raise DataError(
                f"{path}: is damaged or another model's, and was not opened: its sha256 is {actual[:16]}…, "
                f"but {record} says {expected[:16]}…"
            )


def _table(record: Path, key: str) -> dict[str, str]:
    """File name → sha256 of one record; earlier runs wrote the digest of ``model.pt`` alone."""
    content = read_json(record) if record.is_file() else {}
    table = content.get(key, {}) if isinstance(content, dict) else None
    if isinstance(table, str):
        return {"model.pt": table}
    if not isinstance(table, dict) or not all(isinstance(digest, str) for digest in table.values()):
        raise DataError(f'{record}: \'{key}\' gives no sha256 by file name, e.g. {{"model.pt": "0f3a…"}}')
    return table

"""labels.csv: the class of each object, and from which image it was cut; a corrected clusters.csv will do as well."""

from __future__ import annotations

import csv
from pathlib import Path

from cladeseg.files import DataError

NAME = "labels.csv"
_CLASS = ("class", "cluster")


def read_labels(path: str | Path) -> tuple[dict[str, str], dict[str, str]]:
    """Class of each object, and the source of those that have one.

    Args:
        path: a CSV file with the columns ``id`` and ``class``, or ``cluster`` as in ``clusters.csv``, and maybe
            ``source``.  A row without a class is passed over.

    Returns:
        id → class, id → source.

    Raises:
        DataError: the file cannot be read, lacks a column, or gives an id twice.
    """
    rows = _rows(Path(path))
    columns = set(rows[0]) if rows else {"id", "class"}
    held = next((name for name in _CLASS if name in columns), None)
    if "id" not in columns or held is None:
        raise DataError(f"{path}: has the columns {', '.join(sorted(map(str, columns)))}; it needs id and class")
    classes: dict[str, str] = {}
    for row in rows:
        name, value = (row["id"] or "").strip(), (row[held] or "").strip()
        if name in classes:
            raise DataError(f"{path}: the id '{name}' stands twice; keep one of the rows")
        if name and value:
            classes[name] = value
    sources = {row["id"].strip(): row["source"].strip() for row in rows if (row.get("source") or "").strip()}
    return classes, sources


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a table ({error})") from error

"""Records and summaries as files: ``metrics.csv`` and ``metrics.json``."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cladeseg import files
from cladeseg.files import DataError, atomic_write
from cladeseg.segmentation.metrics.record import METRICS, STATUSES, HierarchyRecord, Record

HEADER = ["case", "node", "metric", "value", "status"]


def records_table(records: Iterable[Record | HierarchyRecord]) -> pd.DataFrame:
    """One row for each record with the columns of :data:`HEADER`; an undefined value is NaN."""
    rows = [tuple(getattr(record, column) for column in HEADER) for record in records]
    return pd.DataFrame(rows, columns=HEADER).astype({"value": float})


def write_csv(records: Iterable[Record], path: str | Path) -> None:
    """Write one row for each record, values to six significant digits, an undefined value as an empty cell.

    The file appears whole or not at all.
    """
    table = records_table(records)
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def read_csv(path: str | Path) -> list[Record]:
    """Read what :func:`write_csv` wrote.

    Raises:
        DataError: another header, or a row with an unknown metric or status or a value that is no number; the message
            starts with the path and the line.
    """
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)  # pandas would not say in which line something is wrong
        header = next(rows, None)
        if header != HEADER:
            raise DataError(f"{path}: the header is {header}, not {','.join(HEADER)}")
        return [_parse_row(row, f"{path}, line {rows.line_num}") for row in rows]


def write_json(summary: Mapping[str, Any], path: str | Path) -> None:
    """Write a summary as standard JSON, in which NaN and infinity do not exist: they become null.

    The file appears whole or not at all.
    """
    files.write_json(_without_nan(summary), path)


def _parse_row(row: list[str], where: str) -> Record:
    metric = next((known for known in METRICS if row[2:3] == [known]), None)
    status = next((known for known in STATUSES if row[4:] == [known]), None)
    if metric is None or status is None:
        raise DataError(f"{where}: {row} is not case, node, metric ({', '.join(METRICS)}), value, status")
    try:
        value = float(row[3]) if row[3] else None
    except ValueError as error:
        raise DataError(f"{where}: the value '{row[3]}' is no number") from error
    return Record(row[0], row[1], metric, value, status)


def _without_nan(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content

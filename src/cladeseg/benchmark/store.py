"""The results of a benchmark: two CSV files in which a finished run is a row that is never computed again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from cladeseg.benchmark.runs import RunKey
from cladeseg.files import DataError, atomic_write

FINISHED = "finished"
FAILED = "failed"
_WHOLE = ("draw", "seed", "cases", "patients")
_REAL = ("dice", "iou", "hd95_mm", "seconds", "peak_mb")
_Row = TypeVar("_Row", "RunRow", "CaseRow")


@dataclass(frozen=True, kw_only=True)
class RunRow(RunKey):
    """One run; a failed one has no scores.

    Attributes:
        status: ``"finished"`` or ``"failed"``.
        dice: mean over the leaves' means.
        iou: the same.
        hd95_mm: the same; a missed structure has none.
        cases: number of scored cases.
        patients: whose they are.
        seconds: wall clock of training and evaluation, interrupted attempts included.
        peak_mb: largest resident memory of the process that was seen, in MiB; not of a GPU.
        message: why it failed: the last line of its log.
    """

    status: str
    dice: float | None = None
    iou: float | None = None
    hd95_mm: float | None = None
    cases: int | None = None
    patients: int | None = None
    seconds: float | None = None
    peak_mb: float | None = None
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class CaseRow(RunKey):
    """Scores of one leaf in one case; ``None`` where a metric is undefined."""

    case: str
    patient: str
    node: str
    dice: float | None
    iou: float | None
    hd95_mm: float | None
    status: str


def key_of(row: RunKey) -> RunKey:
    """Which run a row belongs to."""
    return RunKey(method=row.method, n=row.n, draw=row.draw, seed=row.seed, split=row.split)


class ResultStore:
    """``runs.csv`` and ``cases.csv`` in a folder.

    Args:
        folder: where they lie, or will.

    Raises:
        DataError: a file there is not one of these.
    """

    def __init__(self, folder: str | Path) -> None:
        self.run_file = Path(folder) / "runs.csv"
        self.case_file = Path(folder) / "cases.csv"
        self.runs = _read(RunRow, self.run_file)
        self.cases = _read(CaseRow, self.case_file)

    def finished(self, key: RunKey) -> bool:
        """Whether the run needs no further computation; a failed one is tried again."""
        return any(row.status == FINISHED and key_of(row) == key for row in self.runs)

    def add(self, run: RunRow, cases: Sequence[CaseRow] = ()) -> None:
        """Store a run, in place of an earlier failure of it.

        The run's own row comes last: a kill in between leaves a run that is not finished, never one without cases.

        Raises:
            DataError: the run is finished already.
        """
        key = key_of(run)
        if self.finished(key):
            raise DataError(f"{self.run_file}: {key.name} is there already; its row is kept")
        self.cases = [row for row in self.cases if key_of(row) != key] + list(cases)
        self.runs = [row for row in self.runs if key_of(row) != key] + [run]
        _write(CaseRow, self.cases, self.case_file)
        _write(RunRow, self.runs, self.run_file)


def _write(kind: type[_Row], rows: Iterable[_Row], path: Path) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, [each.name for each in fields(kind)], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in asdict(row).items()} for row in rows)
    with atomic_write(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value


def _read(kind: type[_Row], path: Path) -> list[_Row]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        expected = [each.name for each in fields(kind)]
        if rows.fieldnames != expected:
            raise DataError(f"{path}: the header is {rows.fieldnames}, not {','.join(expected)}")
        return [kind(**_parsed(row, f"{path}, line {rows.line_num}")) for row in rows]


def _parsed(row: dict[str, Any], where: str) -> dict[str, Any]:
    parsed: dict[str, Any] = dict(row)
    try:
        for name, text in row.items():
            if name in _WHOLE or name in _REAL:
                number = int if name in _WHOLE else float
                parsed[name] = number(text) if text else None
        parsed["n"] = row["n"] if row["n"] == "all" else int(row["n"])
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: {row} cannot be read ({error})") from error
    return parsed

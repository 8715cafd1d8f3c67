"""The results of a benchmark: one small file for each run, which is never computed again once it is finished."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from cladeseg.benchmark.runs import RunKey
from cladeseg.files import DataError, atomic_write, read_json

FINISHED = "finished"
FAILED = "failed"
#: The columns that name a run.
KEY = [each.name for each in fields(RunKey)]
_WHOLE = ("draw", "seed", "cases", "patients")
_REAL = ("dice", "iou", "hd95_mm", "fine_dice", "seconds", "peak_mb")
_DIGITS = 6
#: Not what another process is writing at this moment.
_FINAL = "[!.]*.json"


@dataclass(frozen=True, kw_only=True)
class RunRow(RunKey):
    """One run; a failed one has no scores.

    Attributes:
        status: ``"finished"`` or ``"failed"``.
        dice: mean over the leaves' means.
        iou: the same.
        hd95_mm: the same; a missed structure has none.
        fine_dice: the Dice on the run's own finely labelled training cases; where it is low, the run did not train.
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
    fine_dice: float | None = None
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


def frame_of(kind: type[RunKey], rows: Sequence[RunKey]) -> pd.DataFrame:
    """Rows as a table with a column for each field of a kind; n is text."""
    names = [each.name for each in fields(kind)]
    table = pd.DataFrame([asdict(row) for row in rows], columns=names, dtype=object)
    kinds = dict.fromkeys(_WHOLE, "Int64") | dict.fromkeys(_REAL, "float64")
    return table.astype({name: kinds.get(name, "str") for name in table})


class ResultStore:
    """A folder with one JSON file for each run, small enough to be kept under version control.

    Runs are added by several machines without conflict, as no two of them write the same file.

    Attributes:
        folder: where the files lie, or will.
        runs: a row for each run, see :class:`RunRow`; n is text.
        cases: a row for each leaf of each case of each run, see :class:`CaseRow`.

    Args:
        folder: where the files lie, or will.

    Raises:
        DataError: a file there is not one of these; the message names it.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._records = {file.name: _read(file) for file in sorted(self.folder.glob(_FINAL))}
        self._make_tables()

    def finished(self, key: RunKey) -> bool:
        """Whether the run needs no further computation; a failed one is tried again."""
        record = self._records.get(self.file(key).name)
        return record is not None and record.run.status == FINISHED

    def file(self, key: RunKey) -> Path:
        """Where the result of a run is kept."""
        return self.file_in(self.folder, key)

    @staticmethod
    def file_in(folder: Path, key: RunKey) -> Path:
        """The same of a store that need not be read for it."""
        return folder / f"{key.name}_{key.split}.json"

    def settings(self, key: RunKey) -> dict[str, Any]:
        """What a run was made with; empty where there is none."""
        record = self._records.get(self.file(key).name)
        return dict(record.settings) if record else {}

    def add(self, run: RunRow, cases: Sequence[CaseRow] = (), settings: Mapping[str, Any] | None = None) -> None:
        """Store a run, in place of an earlier failure of it.

        Args:
            run: its row.
            cases: rows of its cases.
            settings: what it was made with, which must still hold when the benchmark goes on.

        Raises:
            DataError: the run is finished already, or its file cannot be written.
        """
        file = self.file(run)
        if self.finished(run):
            raise DataError(f"{file}: is there already; it is kept")
        record = _Record(run, tuple(cases), dict(settings or {}))
        with atomic_write(file) as temporary:
            temporary.write_text(_text(record), encoding="utf-8", newline="\n")
        self._records[file.name] = _read(file)  # with the digits that the file has, so that a page never changes
        self._make_tables()

    def _make_tables(self) -> None:
        records = list(self._records.values())
        self.runs = frame_of(RunRow, [record.run for record in records])
        self.cases = frame_of(CaseRow, [case for record in records for case in record.cases])


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table with six digits of each number, whole or not at all."""
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False, float_format=f"%.{_DIGITS}g", lineterminator="\n", encoding="utf-8")


# ---- files -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Record:
    """What one file holds."""

    run: RunRow
    cases: tuple[CaseRow, ...]
    settings: Mapping[str, Any]


_RUN, _CASE = TypeAdapter(RunRow), TypeAdapter(CaseRow)
_Row = TypeVar("_Row", RunRow, CaseRow)


def _text(record: _Record) -> str:
    """JSON with a line for the run, one for its settings and one for each leaf of each case, so that changes show."""
    key = asdict(record.run)
    cases = [{k: v for k, v in asdict(case).items() if k not in KEY} for case in record.cases]
    lines = ",\n".join(f"    {_line(case)}" for case in cases)
    rows = f"[\n{lines}\n  ]" if lines else "[]"
    return f'{{\n  "run": {_line(key)},\n  "settings": {_line(record.settings)},\n  "cases": {rows}\n}}\n'


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps({key: _rounded(value) for key, value in values.items()}, allow_nan=False, ensure_ascii=False)


def _rounded(value: Any) -> Any:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) and math.isfinite(value) else value


def _read(file: Path) -> _Record:
    content = read_json(file)
    if not isinstance(content, dict) or set(content) != {"run", "settings", "cases"}:
        raise DataError(f"{file}: is no result of a run; it should hold run, settings and cases")
    if not isinstance(content["settings"], dict) or not isinstance(content["cases"], list):
        raise DataError(f"{file}: 'settings' should be an object and 'cases' a list")
    run = _row(_RUN, content["run"], f"{file}: run")
    key = {name: getattr(run, name) for name in KEY}
    cases = [
        _row(_CASE, {**key, **case} if isinstance(case, dict) else case, f"{file}: cases[{i}]")
        for i, case in enumerate(content["cases"])
    ]
    if file.name != f"{run.name}_{run.split}.json":
        raise DataError(f"{file}: holds the result of {run.name} on {run.split} cases; a file is named after its run")
    return _Record(run, tuple(cases), content["settings"])


def _row(adapter: TypeAdapter[_Row], values: Any, place: str) -> _Row:
    try:
        return adapter.validate_python(values, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{place}: {where}: {first['msg']}") from error

"""The results of a benchmark: two CSV files in which a finished run is a row that is never computed again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from cladeseg.benchmark.runs import RunKey
from cladeseg.files import DataError, atomic_write

FINISHED = "finished"
FAILED = "failed"
#: The columns that name a run.
KEY = [each.name for each in fields(RunKey)]
_WHOLE = ("draw", "seed", "cases", "patients")
_REAL = ("dice", "iou", "hd95_mm", "seconds", "peak_mb")


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


def frame_of(kind: type[RunKey], rows: Sequence[RunKey]) -> pd.DataFrame:
    """Rows as a table with a column for each field of a kind; n is text, as in the files."""
    names = [each.name for each in fields(kind)]
    return _typed(pd.DataFrame([asdict(row) for row in rows], columns=names, dtype=object))


class ResultStore:
    """``runs.csv`` and ``cases.csv`` in a folder.

    Attributes:
        runs: a row for each run, see :class:`RunRow`; n is text.
        cases: a row for each leaf of each case of each run, see :class:`CaseRow`.

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
        return bool((self.runs.loc[_of(self.runs, key), "status"] == FINISHED).any())

    def add(self, run: RunRow, cases: Sequence[CaseRow] = ()) -> None:
        """Store a run, in place of an earlier failure of it.

        The run's own row comes last: a kill in between leaves a run that is not finished, never one without cases.

        Raises:
            DataError: the run is finished already.
        """
        if self.finished(run):
            raise DataError(f"{self.run_file}: {run.name} is there already; its row is kept")
        self.cases = pd.concat([self.cases[~_of(self.cases, run)], frame_of(CaseRow, cases)], ignore_index=True)
        self.runs = pd.concat([self.runs[~_of(self.runs, run)], frame_of(RunRow, [run])], ignore_index=True)
        write_csv(self.cases, self.case_file)
        write_csv(self.runs, self.run_file)


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table with six digits of each number, whole or not at all."""
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n", encoding="utf-8")


def _of(table: pd.DataFrame, key: RunKey) -> pd.Series:
    """Which rows belong to a run."""
    return (table[KEY] == [str(key.n) if name == "n" else getattr(key, name) for name in KEY]).all(axis=1)


def _read(kind: type[RunKey], path: Path) -> pd.DataFrame:
    if not path.is_file():
        return frame_of(kind, [])
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    expected = [each.name for each in fields(kind)]
    if list(table) != expected:
        raise DataError(f"{path}: the header is {list(table)}, not {','.join(expected)}")
    numbers = [name for name in (*_WHOLE, *_REAL) if name in table]
    for name in numbers:
        _refuse_text(table[name], path)
    return _typed(table.replace({name: {"": None} for name in numbers}))


def _refuse_text(column: pd.Series, path: Path) -> None:
    wrong = column[(column != "") & pd.to_numeric(column, errors="coerce").isna()]
    if len(wrong):
        raise DataError(f"{path}, line {wrong.index[0] + 2}: '{wrong.iloc[0]}' is no {column.name}")


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers, numbers and texts as such; what is missing is missing in each of them."""
    kinds = dict.fromkeys(_WHOLE, "Int64") | dict.fromkeys(_REAL, "float64")
    return table.astype({name: kinds.get(name, "str") for name in table})

"""The table of a benchmark: a row for each method and number of fine labels, beside the two methods that bracket it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import fmean

from cladeseg.benchmark.cells import scores_of
from cladeseg.benchmark.grid import Budget, Grid
from cladeseg.benchmark.runs import planned_runs
from cladeseg.benchmark.store import FINISHED, CaseRow, ResultStore, RunRow, key_of
from cladeseg.files import atomic_write
from cladeseg.statistics.bootstrap import Estimate
from cladeseg.statistics.differences import gap_closed, mean_score, paired_difference
from cladeseg.statistics.paired import MethodScores, draw_means

_NOTHING: Estimate = {"mean": None, "ci95": [None, None], "n": 0}
_UNDEFINED = "–"


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One cell of the grid; every estimate is a mean with its 95 % interval over draws and patients.

    Attributes:
        method: its label.
        n: number of fine patients.
        planned: number of its runs in the grid.
        finished: how many of them are finished.
        failed: how many failed.
        draws: number of choices of fine patients, one for each draw and seed, that have scores.
        dice: mean over leaves, cases, draws and seeds.
        worst_draw: the lowest mean of a draw.
        iou: mean over runs.
        hd95_mm: the same, where it is defined.
        missed: structures, over all cases and runs, that were not found at all and so have no distance.
        over_lower: paired difference to the method that brackets it from below.
        under_upper: paired difference to the one that brackets it from above.
        gap_closed: share of the gap between those two.
        seconds: mean per run.
        peak_mb: largest of a run.
    """

    method: str
    n: Budget
    planned: int
    finished: int
    failed: int
    draws: int
    dice: Estimate
    worst_draw: float | None
    iou: float | None
    hd95_mm: float | None
    missed: int
    over_lower: Estimate
    under_upper: Estimate
    gap_closed: Estimate
    seconds: float | None
    peak_mb: float | None


def part_of(grid: Grid, store: ResultStore) -> tuple[list[RunRow], list[CaseRow]]:
    """Runs of the grid's own points, and cases of those that are finished; a folder may hold further ones."""
    planned = set(planned_runs(grid))
    runs = [row for row in store.runs if key_of(row) in planned]
    finished = {key_of(row) for row in runs if row.status == FINISHED}
    return runs, [row for row in store.cases if key_of(row) in finished]


def table_rows(grid: Grid, store: ResultStore) -> list[TableRow]:
    """The table in the grid's order, the methods of one number of fine patients together."""
    runs, cases = part_of(grid, store)
    pairs = list(dict.fromkeys((key.n, key.method) for key in planned_runs(grid)))
    place = {name: i for i, name in enumerate(grid.labels)}
    pairs.sort(key=lambda pair: (pair[0] == "all", pair[0] if isinstance(pair[0], int) else 0, place[pair[1]]))
    return [_row(grid, runs, cases, method=method, n=n) for n, method in pairs]


def bracket(grid: Grid, cases: Sequence[CaseRow], name: str | None, n: Budget) -> MethodScores | None:
    """MethodScores of a method that others are compared with: at the same number of fine patients, or at all of them.

    Args:
        grid: the benchmark.
        cases: its results.
        name: of the method; ``None`` for no such method.
        n: number of fine patients of the method that is compared.
    """
    if name is None:
        return None
    same, full = (scores_of(grid, cases, name, each) for each in (n, "all"))
    return same if same.scores else full if full.scores else None


def _row(grid: Grid, runs: Iterable[RunRow], cases: Sequence[CaseRow], *, method: str, n: Budget) -> TableRow:
    mine = [row for row in runs if (row.method, row.n) == (method, n)]
    finished = [row for row in mine if row.status == FINISHED]
    cell = scores_of(grid, cases, method, n)
    means = draw_means(cell.scores)
    lower, upper = (None if name == method else bracket(grid, cases, name, n) for name in (grid.lower, grid.upper))
    return TableRow(
        method=grid.labels[method],
        n=n,
        planned=sum((key.method, key.n) == (method, n) for key in planned_runs(grid)),
        finished=len(finished),
        failed=len(mine) - len(finished),
        dice=mean_score(cell),
        draws=len(means),
        worst_draw=min(means.values(), default=None),
        iou=_mean(row.iou for row in finished),
        hd95_mm=_mean(row.hd95_mm for row in finished),
        missed=sum(row.status == "missed" for row in cases if (row.method, row.n) == (method, n)),
        over_lower=_NOTHING if lower is None else paired_difference(cell, lower),
        under_upper=_NOTHING if upper is None else paired_difference(cell, upper),
        gap_closed=_NOTHING if lower is None or upper is None else gap_closed(cell, lower, upper),
        seconds=_mean(row.seconds for row in finished),
        peak_mb=max((row.peak_mb for row in finished if row.peak_mb is not None), default=None),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return fmean(defined) if defined else None


# ---- writing ---------------------------------------------------------------------------------------------------------


def table_markdown(rows: Iterable[TableRow]) -> str:
    """The scores for people."""
    header = ["method", "n", "runs", "draws", "Dice [95 % CI]", "worst draw", "IoU", "HD95 mm", "missed"]
    return markdown([*header, "s per run", "peak MiB"], [_cells(row) for row in rows])


def gap_markdown(grid: Grid, rows: Iterable[TableRow]) -> str:
    """Where each method stands between the two that bracket it; nothing without both."""
    if grid.lower is None or grid.upper is None:
        return ""
    lower, upper = grid.labels[grid.lower], grid.labels[grid.upper]
    shown = [row for row in rows if row.n != "all" and row.method not in (lower, upper)]
    return markdown(["method", "n", f"− {lower}", f"− {upper}", "gap closed"], [_gap_cells(row) for row in shown])


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown: the first column to the left, the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def _cells(row: TableRow) -> list[str]:
    failed = f", {row.failed} failed" if row.failed else ""
    return [
        row.method,
        str(row.n),
        f"{row.finished} of {row.planned}{failed}",
        str(row.draws) if row.n != "all" else _UNDEFINED,
        with_interval(row.dice),
        *(_number(value, 3) for value in (row.worst_draw, row.iou)),
        _number(row.hd95_mm, 2),
        str(row.missed) if row.finished else _UNDEFINED,
        *(_number(value, 0) for value in (row.seconds, row.peak_mb)),
    ]


def _gap_cells(row: TableRow) -> list[str]:
    gaps = [with_interval(each, sign="+") for each in (row.over_lower, row.under_upper)]
    return [row.method, str(row.n), *gaps, with_interval(row.gap_closed, percent=True)]


def with_interval(estimate: Estimate, *, sign: str = "", percent: bool = False, digits: int | None = None) -> str:
    """``0.853 [0.841, 0.866]``; a dash where it is undefined.

    Args:
        estimate: the mean with its interval.
        sign: ``"+"`` to show it before positive numbers too.
        percent: show shares in percent.
        digits: after the point; 3, or none of a percentage, if left out.
    """
    if estimate["mean"] is None:
        return _UNDEFINED
    shape = f"{sign}.{digits or 0}%" if percent else f"{sign}.{3 if digits is None else digits}f"
    low, high = estimate["ci95"]
    interval = "" if low is None or high is None else f" [{low:{shape}}, {high:{shape}}]"
    return f"{estimate['mean']:{shape}}{interval}"


def write_table_csv(rows: Iterable[TableRow], path: str | Path) -> None:
    """The table for programs: an estimate has the columns NAME, NAME_low and NAME_high."""
    text = io.StringIO()
    flat = [_flat(row) for row in rows]
    writer = csv.DictWriter(text, list(flat[0]) if flat else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    with atomic_write(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def _flat(row: TableRow) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name in (each.name for each in fields(row)):
        value = getattr(row, name)
        if isinstance(value, dict):
            names = (name, f"{name}_low", f"{name}_high")
            flat |= {key: _exact(each) for key, each in zip(names, (value["mean"], *value["ci95"]), strict=True)}
        else:
            flat[name] = _exact(value)
    return flat


def _exact(value: float | str | None) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _number(value: float | None, digits: int) -> str:
    return _UNDEFINED if value is None else f"{value:.{digits}f}"

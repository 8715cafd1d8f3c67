"""The scores of one method with one number of fine patients, out of a grid's results."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from cladeseg.benchmark.grid import SELECT, Budget, Grid
from cladeseg.benchmark.store import CaseRow
from cladeseg.statistics.paired import MethodScores


def scores_of(grid: Grid, rows: Iterable[CaseRow], method: str, n: Budget) -> MethodScores:
    """The cell of a method in the results of one part of the data.

    Args:
        grid: tells whether the method's patients are drawn.
        rows: of any methods.
        method: its name.
        n: number of fine patients.
    """
    mine = [row for row in rows if row.method == method and row.n == n]
    values: dict[tuple[int, int, str], list[float]] = {}
    for row in mine:
        if row.dice is not None:
            values.setdefault((row.draw, row.seed, row.case), []).append(row.dice)
    scores = {key: fmean(each) for key, each in values.items()}
    every_draw = n == "all" or grid.method(method).patients == SELECT
    return MethodScores(scores, {row.case: row.patient for row in mine}, every_draw)

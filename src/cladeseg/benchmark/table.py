"""The table of a benchmark: a row for each method and number of fine labels, beside the two reference methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cladeseg.benchmark.grid import Budget, Grid
from cladeseg.benchmark.method_scores import GridScores, compared, estimate_columns
from cladeseg.benchmark.runs import RunKey, planned_runs
from cladeseg.benchmark.store import FAILED, FINISHED, KEY, ResultStore, frame_of
from cladeseg.statistics import gap_closed, mean_score


@dataclass(frozen=True)
class GridRows:
    """What a store holds of a grid; a folder may hold further runs.

    Attributes:
        runs: of the grid's own points.
        cases: of those that are finished.
        other_methods: how many runs there are of each method that the grid does not name.
    """

    runs: pd.DataFrame
    cases: pd.DataFrame
    other_methods: Mapping[str, int]

    @property
    def finished(self) -> int:
        """Number of finished runs."""
        return int((self.runs["status"] == FINISHED).sum())


def rows_of(grid: Grid, store: ResultStore) -> GridRows:
    """The rows of a grid's own points, and how many rows of other methods are left out."""
    runs = store.runs.merge(frame_of(RunKey, planned_runs(grid)), on=KEY)
    cases = store.cases.merge(runs.loc[runs["status"] == FINISHED, KEY], on=KEY)
    others = store.runs.loc[~store.runs["method"].isin(list(grid.labels)), "method"]
    return GridRows(runs, cases, others.value_counts(sort=False).to_dict())


def results_table(grid: Grid, rows: GridRows, scores: GridScores) -> pd.DataFrame:
    """The scores in the grid's order, the methods of one number of fine patients together.

    An estimate is a mean with its 95 % interval over draws and patients; NAME stands for the columns NAME, NAME_low
    and NAME_high.

    Returns:
        A row for each method and number of fine patients, indexed by the method's name and that number as text:

        * method: its label; n: number of fine patients, or ``"all"``
        * planned, finished, failed: numbers of its runs
        * draws: choices of fine patients, one for each draw and seed, that have scores
        * dice: estimate of the mean over leaves, cases, draws and seeds; worst_draw: the lowest mean of a draw
        * iou, hd95_mm: means over runs, where they are defined
        * fine_dice: mean Dice of the runs on their own fine training cases
        * missed: structures, over all cases and runs, that were not found at all and so have no distance
        * over_lower, under_upper: estimates of the paired differences to the grid's ``lower`` and ``upper``
        * gap_closed: estimate of the share of the gap between those two
        * seconds: mean of a run; peak_mb: largest of a run
    """
    place = {name: i for i, name in enumerate(grid.labels)}
    points = sorted({(key.method, key.n) for key in planned_runs(grid)}, key=lambda p: (_size(p[1]), place[p[0]]))
    counts = _counts(grid, rows)
    table = [
        {"method": grid.labels[name], "n": str(n), **counts.loc[(name, str(n))], **_scores(grid, scores, name, n)}
        for name, n in points
    ]
    return pd.DataFrame(table, index=pd.MultiIndex.from_tuples([(name, str(n)) for name, n in points]))[_COLUMNS]


_ESTIMATES = {
    each: [each, f"{each}_low", f"{each}_high"] for each in ("dice", "over_lower", "under_upper", "gap_closed")
}
_COLUMNS = ["method", "n", "planned", "finished", "failed", "draws", *_ESTIMATES["dice"], "worst_draw", "iou"]
_COLUMNS += [
    "hd95_mm",
    "fine_dice",
    "missed",
    *_ESTIMATES["over_lower"],
    *_ESTIMATES["under_upper"],
    *_ESTIMATES["gap_closed"],
]
_COLUMNS += ["seconds", "peak_mb"]


def _size(n: Budget) -> float:
    return float("inf") if n == "all" else float(n)


def _counts(grid: Grid, rows: GridRows) -> pd.DataFrame:
    """What is counted and averaged over the runs of each method and number of fine patients."""
    point = ["method", "n"]
    runs, finished = rows.runs, rows.runs[rows.runs["status"] == FINISHED].groupby(point)
    numbers = {
        "planned": frame_of(RunKey, planned_runs(grid)).groupby(point).size(),
        "finished": finished.size(),
        "failed": runs[runs["status"] == FAILED].groupby(point).size(),
        "missed": rows.cases[rows.cases["status"] == "missed"].groupby(point).size(),
    }
    means = finished.agg({"iou": "mean", "hd95_mm": "mean", "fine_dice": "mean", "seconds": "mean", "peak_mb": "max"})
    return pd.concat(numbers, axis=1).fillna(0).astype(int).astype(object).join(means)


def _scores(grid: Grid, scores: GridScores, name: str, n: Budget) -> dict[str, Any]:
    mine = scores.of(name, n)
    others = [None if each == name else each for each in (grid.lower, grid.upper)]
    lower, upper = (scores.reference(each, n) for each in others)
    over_lower, under_upper = (scores.difference(name, each, n) for each in others)
    return {
        "draws": len(mine.draw_means),
        "worst_draw": mine.draw_means.min(),
        **estimate_columns("dice", compared(mean_score, mine)),
        **estimate_columns("over_lower", over_lower),
        **estimate_columns("under_upper", under_upper),
        **estimate_columns("gap_closed", compared(gap_closed, mine, lower, upper)),
    }

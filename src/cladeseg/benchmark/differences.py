"""Paired differences of our method to every other one: what others reach, and what each part of ours brings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cladeseg.benchmark.cells import scores_of
from cladeseg.benchmark.grid import DRAW, Budget, Grid
from cladeseg.benchmark.store import CaseRow
from cladeseg.benchmark.table import bracket, markdown, with_interval
from cladeseg.statistics.differences import draws_won, paired_difference
from cladeseg.statistics.paired import MethodScores


def baselines(grid: Grid, n: int) -> list[str]:
    """Methods that ours should beat at a number of fine patients: drawn the same, and no ablation of ours.

    Args:
        grid: the benchmark.
        n: the number.
    """
    apart = {grid.ours, grid.upper, grid.converged, *grid.ablations}
    drawn = [method.name for method in grid.methods if method.patients == DRAW]
    return [name for name in drawn if name not in apart and n in grid.budgets_of(name)]


def differences_markdown(grid: Grid, cases: Sequence[CaseRow], names: Iterable[str]) -> str:
    """Ours minus each of the methods, where both have scores; empty if nowhere.

    Args:
        grid: the benchmark.
        cases: its results.
        names: methods to compare with.
    """
    if grid.ours is None:
        return ""
    pairs = [(n, name) for n in grid.budgets_of(grid.ours) for name in names if name != grid.ours]
    rows = [row for n, name in pairs for row in _row(grid, cases, scores_of(grid, cases, grid.ours, n), name, n)]
    header = [f"{grid.labels[grid.ours]} minus", "n", "Dice [95 % CI]", "better in", "pairs"]
    return markdown(header, rows) if rows else ""


def _row(grid: Grid, cases: Sequence[CaseRow], ours: MethodScores, name: str, n: Budget) -> list[list[str]]:
    other = bracket(grid, cases, name, n)
    if other is None or not ours.scores:
        return []
    found = paired_difference(ours, other)
    won, draws = draws_won(ours, other)
    if not draws:
        return []
    return [[grid.labels[name], str(n), with_interval(found, sign="+"), f"{won} of {draws} draws", str(found["n"])]]

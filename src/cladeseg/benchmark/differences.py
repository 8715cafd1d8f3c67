"""Paired differences of our method to every other one: what others reach, and what each part of ours brings."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cladeseg.benchmark.grid import DRAW, Grid
from cladeseg.benchmark.method_scores import GridScores, aligned, estimate_columns
from cladeseg.statistics import draws_won, paired_difference


def baselines(grid: Grid, n: int) -> list[str]:
    """Methods that ours should beat at a number of fine patients: drawn the same, and no ablation of ours.

    Args:
        grid: the benchmark.
        n: the number.
    """
    apart = {grid.ours, grid.upper, grid.converged, *grid.ablations}
    drawn = [method.name for method in grid.methods if method.patients == DRAW]
    return [name for name in drawn if name not in apart and n in grid.budgets_of(name)]


def differences_to_others(grid: Grid, scores: GridScores) -> pd.DataFrame:
    """Ours minus each other method, where both have scores.

    Returns:
        A row for each number of fine patients and method, with the columns name, method (its label), n, gain, gain_low,
        gain_high (the paired difference in Dice with its 95 % interval), won and draws (in how many draws ours is
        better, and how many there are), pairs.
    """
    names = [name for name in grid.labels if name != grid.ours]
    points = [(name, n) for n in grid.budgets_of(grid.ours) for name in names] if grid.ours else []
    rows = [_row(grid, scores, name, n) for name, n in points]
    return pd.DataFrame([row for row in rows if row["draws"]], columns=_COLUMNS)


_COLUMNS = ["name", "method", "n", "gain", "gain_low", "gain_high", "won", "draws", "pairs"]


def _row(grid: Grid, scores: GridScores, name: str, n: Any) -> dict[str, Any]:
    other = scores.reference(name, n)
    if other is None:
        return {"draws": 0}
    (one, two), factors = aligned(scores.of(str(grid.ours), n), other)
    found = paired_difference(one, two, **factors)
    won, draws = draws_won(one, two, draws=factors["draws"])
    row = {"name": name, "method": grid.labels[name], "n": str(n), "won": won, "draws": draws, "pairs": found["n"]}
    return {**row, **estimate_columns("gain", found)}

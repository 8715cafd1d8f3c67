"""Is what ``cladeseg select`` chose better than chance: its score among those of random draws of the same method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cladeseg.benchmark.grid import DRAW, SELECT, Grid, GridMethod
from cladeseg.benchmark.method_scores import GridScores

#: The percentile of the random draws that a selection should reach.
WANTED = 75


@dataclass(frozen=True, kw_only=True)
class AmongDraws:
    """A selection among random draws; scores are means over cases, then over the seeds that both have.

    Attributes:
        method: name of the method whose patients are selected.
        counterpart: name of the method that differs in nothing but that its patients are drawn.
        n: number of fine patients.
        dice: score of the selection.
        draws: scores of the random draws, sorted.
    """

    method: str
    counterpart: str
    n: int
    dice: float
    draws: tuple[float, ...]

    @property
    def reached(self) -> int:
        """Number of random draws that are not better than the selection."""
        return sum(each <= self.dice for each in self.draws)

    @property
    def percentile(self) -> float:
        """Their share in percent."""
        return 100 * self.reached / len(self.draws)

    @property
    def wanted_dice(self) -> float:
        """The 75th percentile of the random draws, linear between two of them."""
        return float(np.percentile(self.draws, WANTED))


def among_draws(grid: Grid, scores: GridScores) -> list[AmongDraws]:
    """Every selection of a grid that has scores beside random draws of its counterpart.

    Args:
        grid: the benchmark.
        scores: of its methods.
    """
    found = [
        _placed(scores, method, counterpart, n)
        for method in grid.methods
        if method.patients == SELECT and (counterpart := random_counterpart(grid, method)) is not None
        for n in grid.budgets_of(method.name)
        if isinstance(n, int)
    ]
    return [each for each in found if each is not None]


def random_counterpart(grid: Grid, method: GridMethod) -> GridMethod | None:
    """The first method of the same overlays, overrides and a common n whose patients are drawn, or ``None``."""
    budgets = set(grid.budgets_of(method.name))
    drawn = [each for each in grid.methods if each.patients == DRAW and budgets & set(grid.budgets_of(each.name))]
    return next((each for each in drawn if each.trains_like(method)), None)


def _placed(scores: GridScores, method: GridMethod, counterpart: GridMethod, n: int) -> AmongDraws | None:
    selected, drawn = (scores.of(each.name, n).draw_means.unstack("seed") for each in (method, counterpart))
    if len(selected) != 1:
        return None
    seeds = selected.columns
    # Only draws that have all these seeds, or the one that is theirs.
    finished = "all" if scores.grid.seeds is None else "any"
    draws = drawn.reindex(columns=seeds).dropna(how=finished).mean(axis=1).sort_values()
    if draws.empty:
        return None
    dice = float(selected.mean(axis=1).iloc[0])
    return AmongDraws(method=method.name, counterpart=counterpart.name, n=n, dice=dice, draws=tuple(draws))

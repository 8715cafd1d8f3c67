"""Is what ``cladeseg select`` chose better than chance: its score among those of random draws of the same method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from cladeseg.benchmark.cells import scores_of
from cladeseg.benchmark.grid import DRAW, SELECT, Grid, GridMethod
from cladeseg.benchmark.store import CaseRow
from cladeseg.statistics.paired import MethodScores, draw_means

#: The percentile of the random draws that a selection should reach.
WANTED = 75


@dataclass(frozen=True, kw_only=True)
class AmongDraws:
    """A selection among random draws; scores are means over cases, then over the seeds that both have.

    Attributes:
        method: name of the method whose patients are selected.
        twin: name of the method that differs in nothing but that its patients are drawn.
        n: number of fine patients.
        dice: score of the selection.
        draws: scores of the random draws, sorted.
    """

    method: str
    twin: str
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


def among_draws(grid: Grid, cases: Sequence[CaseRow]) -> list[AmongDraws]:
    """Every selection of a grid that has scores beside random draws; the first method that trains like it is its twin.

    Args:
        grid: the benchmark.
        cases: its results.
    """
    selecting = [method for method in grid.methods if method.patients == SELECT]
    found = [
        _placed(grid, cases, method, twin, n)
        for method in selecting
        if (twin := random_counterpart(grid, method)) is not None
        for n in grid.budgets_of(method.name)
        if isinstance(n, int)
    ]
    return [each for each in found if each is not None]


def random_counterpart(grid: Grid, method: GridMethod) -> GridMethod | None:
    """The first method of the same overlays, overrides and a common n whose patients are drawn, or ``None``."""
    budgets = set(grid.budgets_of(method.name))
    drawn = [each for each in grid.methods if each.patients == DRAW and budgets & set(grid.budgets_of(each.name))]
    return next((each for each in drawn if each.trains_like(method)), None)


def _placed(grid: Grid, cases: Sequence[CaseRow], method: GridMethod, twin: GridMethod, n: int) -> AmongDraws | None:
    selected, drawn = (_of_draws(scores_of(grid, cases, each.name, n)) for each in (method, twin))
    (mine,) = selected.values() if len(selected) == 1 else ({},)
    common = [{seed: score for seed, score in scores.items() if seed in mine} for scores in drawn.values()]
    draws = sorted(fmean(scores.values()) for scores in common if len(scores) == len(mine) > 0)
    if not draws:
        return None
    return AmongDraws(method=method.name, twin=twin.name, n=n, dice=fmean(mine.values()), draws=tuple(draws))


def _of_draws(cell: MethodScores) -> dict[int, dict[int, float]]:
    """Draw → seed → mean over cases."""
    found: dict[int, dict[int, float]] = {}
    for (draw, seed), score in draw_means(cell.scores).items():
        found.setdefault(draw, {})[seed] = score
    return found

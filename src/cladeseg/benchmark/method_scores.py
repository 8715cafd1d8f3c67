"""The scores of each method with each number of fine patients, and which scores of several methods are a pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from cladeseg.benchmark.grid import SELECT, Budget, Grid
from cladeseg.statistics import Estimate, no_estimate

#: ``draws`` and ``patients`` of paired scores, (K,) each, as the functions of cladeseg.statistics take them.
Factors: TypeAlias = dict[str, np.ndarray]
#: One choice of fine patients; a seed has its own split, so that its draws are nobody else's.
_DRAW = ["draw", "seed"]
_SCORE = [*_DRAW, "case"]


@dataclass(frozen=True, eq=False)
class MethodScores:
    """Scores of one method with one number of fine patients.

    Attributes:
        table: ``dice`` (mean over the leaves that have one) and ``patient``, indexed by draw, seed and case, sorted.
        every_draw: nothing was drawn (all patients were fine, or they were selected), so that its scores stand beside
            those of any draw.
    """

    table: pd.DataFrame
    every_draw: bool = False

    def __len__(self) -> int:
        return len(self.table)

    @property
    def draw_means(self) -> pd.Series:
        """Mean over the cases of each draw, indexed by draw and seed."""
        return self.table["dice"].groupby(level=_DRAW).mean()


class GridScores:
    """The scores of a grid's methods, out of the rows of its cases.

    Args:
        grid: the benchmark.
        cases: rows as :class:`~cladeseg.benchmark.store.ResultStore` holds them.
    """

    def __init__(self, grid: Grid, cases: pd.DataFrame) -> None:
        self.grid = grid
        by_case = cases.dropna(subset=["dice"]).groupby(["method", "n", *_SCORE])
        self._table = by_case.agg(dice=("dice", "mean"), patient=("patient", "first"))
        self._found = set(self._table.index.droplevel(_SCORE))

    def of(self, method: str, n: Budget) -> MethodScores:
        """The scores of a method, none if it has none."""
        every_draw = n == "all" or self.grid.method(method).patients == SELECT
        place = (method, str(n))
        table = self._table.loc[place] if place in self._found else self._table.droplevel([0, 1]).iloc[:0]
        return MethodScores(table, every_draw)

    def reference(self, name: str | None, n: Budget) -> MethodScores | None:
        """Scores of a method that others are compared with: at the same number of fine patients, or at all of them.

        Args:
            name: of the method; ``None`` for no such method.
            n: number of fine patients of the method that is compared.
        """
        if name is None:
            return None
        found = self.of(name, n if n in self.grid.budgets_of(name) else "all")
        return found if len(found) else None


def aligned(*methods: MethodScores) -> tuple[list[np.ndarray], Factors]:
    """The scores at the (draw, seed, case) that all methods have in common, and whose they are.

    Where nothing was drawn for some of them, their score of (seed, case) is taken for every draw of the others: so a
    method is compared case by case with the others' mean over draws.

    Returns:
        For each method its scores, (K,), and the factors of these K.
    """
    drawn = [method for method in methods if not method.every_draw] or methods[:1]
    common = drawn[0].table[["patient"]].reset_index()
    for i, method in enumerate(methods):
        keys = _SCORE if method in drawn else _SCORE[1:]
        dice = method.table["dice"].groupby(level=keys).first().rename(f"score {i}")
        common = common.merge(dice.reset_index(), on=keys)
    factors = {"draws": common.groupby(_DRAW).ngroup().to_numpy(), "patients": common["patient"].to_numpy(str)}
    return [common[f"score {i}"].to_numpy() for i in range(len(methods))], factors


def compared(statistic: Callable[..., Estimate], *methods: MethodScores | None) -> Estimate:
    """A function of cladeseg.statistics on the scores that all methods have in common.

    Args:
        statistic: takes an array of scores for each method, ``draws`` and ``patients``.
        methods: the first of them is compared with the others; without one of them there is no estimate.
    """
    there = [method for method in methods if method is not None]
    if len(there) < len(methods):
        return no_estimate()
    scores, factors = aligned(*there)
    return statistic(*scores, **factors)


def estimate_columns(name: str, estimate: Estimate) -> dict[str, float | None]:
    """An estimate as a table holds it.

    Examples:
        >>> estimate_columns("dice", {"mean": 0.8, "ci95": [0.7, 0.9], "n": 3})
        {'dice': 0.8, 'dice_low': 0.7, 'dice_high': 0.9}
    """
    low, high = estimate["ci95"]
    return {name: estimate["mean"], f"{name}_low": low, f"{name}_high": high}

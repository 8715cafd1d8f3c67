"""Which of the project's claims the results bear out, judged by rules that were fixed before there were results."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cladeseg.benchmark.differences import baselines
from cladeseg.benchmark.grid import SELECT, Grid
from cladeseg.benchmark.method_scores import GridScores, aligned, compared, estimate_columns
from cladeseg.benchmark.select_arm import WANTED, AmongDraws
from cladeseg.segmentation.workflow.training_fit import TRAINED
from cladeseg.statistics import relative_score, worst_relative_draw

#: What our method must reach at least: a share of the gap, shares of converged full supervision (mean over draws, worst
#: draw), and for a selection a percentile of random draws.
LEAST = {"gap": 0.8, "converged": 0.99, "worst_draw": 0.97, "percentile": WANTED}


@dataclass(frozen=True)
class Claim:
    """One claim at one number of fine patients; the page puts it into words.

    Attributes:
        kind: ``gap``, ``converged``, ``worst_draw``, ``selection`` or ``baselines``.
        n: number of fine patients.
        holds: whether it does; ``None`` where there is nothing to judge by.
        found: the figures by name; without any there are no scores to judge by.
    """

    kind: str
    n: int
    holds: bool | None = None
    found: Mapping[str, Any] = field(default_factory=dict)


def claims(
    grid: Grid, scores: GridScores, *, table: pd.DataFrame, differences: pd.DataFrame, placed: Sequence[AmongDraws]
) -> list[Claim]:
    """All claims about the method that the grid calls ``ours``, in order of n.

    Point estimates are held against the thresholds; only the one about baselines asks for an interval above zero.

    Args:
        grid: the benchmark.
        scores: of its methods.
        table: as :func:`~cladeseg.benchmark.table.results_table` gives it.
        differences: as :func:`~cladeseg.benchmark.differences.differences_to_others` gives them.
        placed: selections among random draws.
    """
    found: list[Claim] = []
    for n in () if grid.ours is None else grid.budgets_of(grid.ours):
        if not isinstance(n, int):
            continue
        found.append(_gap(table.loc[(grid.ours, str(n))], n))
        found += _converged(grid, scores) if n == 1 else []
        found += _selection(grid, placed, n)
        untrained = {name for name, of in table.index[table["fine_dice"] < TRAINED] if of == str(n)}
        found.append(_against_baselines(grid, differences[differences["n"] == str(n)], n, untrained))
    return found


def _gap(row: pd.Series, n: int) -> Claim:
    if row[["over_lower", "under_upper"]].isna().any():
        return Claim("gap", n)
    holds = None if pd.isna(row["gap_closed"]) else bool(row["gap_closed"] >= LEAST["gap"])
    return Claim("gap", n, holds, row.to_dict())


def _converged(grid: Grid, scores: GridScores) -> Iterator[Claim]:
    ours, full = scores.of(str(grid.ours), 1), scores.reference(grid.converged, 1)
    share = compared(relative_score, ours, full)
    if full is None or share["mean"] is None:
        yield from (Claim("converged", 1), Claim("worst_draw", 1))
        return
    (one, other), factors = aligned(ours, full)
    worst = worst_relative_draw(one, other, draws=factors["draws"]) or 0.0
    found = {**estimate_columns("share", share), "draws": len(ours.draw_means), "worst": worst}
    yield Claim("converged", 1, share["mean"] >= LEAST["converged"], found)
    yield Claim("worst_draw", 1, worst >= LEAST["worst_draw"], found)


def _selection(grid: Grid, placed: Sequence[AmongDraws], n: int) -> list[Claim]:
    found = [
        Claim("selection", n, each.dice >= each.wanted_dice, {"placed": each, "method": grid.labels[each.method]})
        for each in placed
        if each.n == n
    ]
    asked = any(m.patients == SELECT and n in grid.budgets_of(m.name) for m in grid.methods)
    return found or ([Claim("selection", n)] if asked else [])


def _against_baselines(grid: Grid, differences: pd.DataFrame, n: int, untrained: Container[str]) -> Claim:
    """A method that did not learn its own fine labels is not beaten, so that the claim stays open beside it."""
    names = baselines(grid, n)
    rows = differences[differences["name"].isin(names)]
    if len(rows) and rows["gain_low"].isna().all():  # one draw of one patient
        return Claim("baselines", n, None, {"intervals": False})
    better, worse = rows["gain_low"] > 0, rows["gain_high"] < 0
    found = {
        "intervals": True,
        "number": len(names),
        "better": int(better.sum()),
        "not_significant": rows[~better & ~worse].to_dict("records"),
        "worse": rows[worse].to_dict("records"),
        "without_scores": [grid.labels[name] for name in names if name not in set(rows["name"])],
        "untrained": rows.loc[rows["name"].isin(untrained), "method"].tolist(),
    }
    complete = len(rows) == len(names) > 0 and not found["untrained"]
    return Claim("baselines", n, bool(better.all()) and (complete or None) if len(rows) else None, found)

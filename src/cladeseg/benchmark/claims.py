"""Which of the project's claims the results bear out, judged by rules that were fixed before there were results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cladeseg.benchmark.cells import scores_of
from cladeseg.benchmark.differences import baselines
from cladeseg.benchmark.grid import SELECT, Grid
from cladeseg.benchmark.select_arm import WANTED, among_draws
from cladeseg.benchmark.store import CaseRow
from cladeseg.benchmark.table import bracket, markdown, with_interval
from cladeseg.statistics.differences import gap_closed, paired_difference, relative_score, worst_relative_draw
from cladeseg.statistics.paired import MethodScores, draw_means

GAP_CLOSED = 0.8
OF_CONVERGED = 0.99
WORST_OF_CONVERGED = 0.97


@dataclass(frozen=True)
class Claim:
    """One claim at one number of fine patients.

    Attributes:
        text: what is claimed.
        n: number of fine patients.
        found: the figures.
        holds: whether it does; ``None`` where there is nothing to judge by.
    """

    text: str
    n: int
    found: str
    holds: bool | None


def claims(grid: Grid, cases: Sequence[CaseRow]) -> list[Claim]:
    """All claims about the method that the grid calls ``ours``, in order of n.

    Point estimates are held against the thresholds; only *beats* asks for an interval above zero.

    Args:
        grid: the benchmark.
        cases: its results.
    """
    if grid.ours is None:
        return []
    budgets = [n for n in grid.budgets_of(grid.ours) if isinstance(n, int)]
    return [claim for n in budgets for claim in _at(grid, cases, grid.ours, n)]


def claims_markdown(found: Sequence[Claim]) -> str:
    """The claims as a table that says *holds*, **does not hold** or *open*."""
    verdicts = {True: "holds", False: "**does not hold**", None: "open"}
    return markdown(["claim", "n", "verdict", "found"], [[c.text, str(c.n), verdicts[c.holds], c.found] for c in found])


def _at(grid: Grid, cases: Sequence[CaseRow], ours: str, n: int) -> Iterator[Claim]:
    cell = scores_of(grid, cases, ours, n)
    yield _gap(grid, cases, cell, n)
    if n == 1:
        yield from _converged(grid, cases, cell)
    yield from _selection(grid, cases, n)
    yield _beats(grid, cases, cell, n)


def _gap(grid: Grid, cases: Sequence[CaseRow], ours: MethodScores, n: int) -> Claim:
    lower, upper = (bracket(grid, cases, name, n) for name in (grid.lower, grid.upper))
    ends = " and ".join(grid.labels.get(name or "", "–") for name in (grid.lower, grid.upper))
    text = f"ours closes ≥ {GAP_CLOSED:.0%} of the gap between {ends}"
    if lower is None or upper is None or not ours.scores:
        return Claim(text, n, "one of the three has no scores", None)
    share = gap_closed(ours, lower, upper)
    if share["mean"] is None:
        return Claim(text, n, "there is no gap: upper is not above lower", None)
    return Claim(text, n, with_interval(share, percent=True) + _over(ours), share["mean"] >= GAP_CLOSED)


def _converged(grid: Grid, cases: Sequence[CaseRow], ours: MethodScores) -> Iterator[Claim]:
    mean = f"ours reaches ≥ {OF_CONVERGED:.0%} of converged full supervision, mean over draws"
    worst = f"no draw of ours is under {WORST_OF_CONVERGED:.0%} of it"
    full = bracket(grid, cases, grid.converged, 1)
    low = None if full is None else worst_relative_draw(ours, full)
    if full is None or low is None:
        missing = "ours or `converged` has no scores" if grid.converged else "the grid names no method `converged`"
        yield from (Claim(text, 1, missing, None) for text in (mean, worst))
        return
    share = relative_score(ours, full)
    found = with_interval(share, percent=True, digits=1) + _over(ours)
    yield Claim(mean, 1, found, (share["mean"] or 0.0) >= OF_CONVERGED)
    yield Claim(worst, 1, f"worst draw {low:.1%}", low >= WORST_OF_CONVERGED)


def _selection(grid: Grid, cases: Sequence[CaseRow], n: int) -> Iterator[Claim]:
    text = f"patients chosen by select are ≥ the {WANTED}th percentile of random draws"
    placed = [each for each in among_draws(grid, cases) if each.n == n]
    for each in placed:
        found = f"{grid.labels[each.method]}: Dice {each.dice:.3f}, not below {each.reached} of {len(each.draws)} draws"
        found += f"; their {WANTED}th percentile is {each.wanted_dice:.3f}"
        yield Claim(text, n, found, each.dice >= each.wanted_dice)
    if not placed and any(m.patients == SELECT and n in grid.budgets_of(m.name) for m in grid.methods):
        yield Claim(text, n, "no scores beside random draws yet", None)


def _beats(grid: Grid, cases: Sequence[CaseRow], ours: MethodScores, n: int) -> Claim:
    text = "ours beats each other method, 95 % interval of the paired difference above 0"
    others = {name: scores_of(grid, cases, name, n) for name in baselines(grid, n)}
    gains = {name: paired_difference(ours, cell) for name, cell in others.items() if cell.scores and ours.scores}
    if gains and all(gain["ci95"][0] is None for gain in gains.values()):
        return Claim(text, n, "one draw of one patient has no interval", None)
    short = {name: gain for name, gain in gains.items() if not (gain["ci95"][0] or 0.0) > 0}
    found = f"so against {len(gains) - len(short)} of {len(others)}"
    if short:
        found += "; not against " + ", ".join(
            f"{grid.labels[k]} ({with_interval(v, sign='+')})" for k, v in short.items()
        )
    if len(gains) < len(others):
        found += "; without scores: " + ", ".join(grid.labels[name] for name in others if name not in gains)
    complete = bool(others) and len(gains) == len(others)
    return Claim(text, n, found, False if short else complete or None)


def _over(cell: MethodScores) -> str:
    draws = len(draw_means(cell.scores))
    return f", {draws} draws" if draws > 1 else ", one draw"

"""How much better one method is than another: paired differences, with intervals that resample patients.

Two methods are compared on the same (draw, seed, case): what makes a case or a draw hard hits both and falls out of the
difference.  The cases of one patient, and the scores of one case under several draws, resemble each other; so intervals
resample patients, and a drawn patient brings all of that (Efron & Tibshirani 1993, chapters 8 and 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

import numpy as np

from cladeseg.benchmark.grid import Budget
from cladeseg.benchmark.store import CaseRow
from cladeseg.metrics.bootstrap import Estimate, PatientBootstrap

#: (draw, seed, case) → value.
Scores: TypeAlias = dict[tuple[int, int, str], float]
_RESAMPLES = 2000
_TAIL = 0.025


@dataclass(frozen=True)
class Cell:
    """Scores of one method with one number of fine patients.

    Attributes:
        scores: mean over the leaves' Dice for each (draw, seed, case); leaves without a Dice are left out.
        patients: case → patient.
        every_draw: nothing was drawn (all patients were fine), so that its scores stand beside those of any draw.
    """

    scores: Scores
    patients: Mapping[str, str]
    every_draw: bool = False


def cell_of(rows: Iterable[CaseRow], method: str, n: Budget) -> Cell:
    """The cell of a method in the results of one part of the data.

    Args:
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
    return Cell(scores, {row.case: row.patient for row in mine}, every_draw=n == "all")


def mean_score(cell: Cell, *, seed: int = 0, resamples: int = _RESAMPLES) -> Estimate:
    """Mean over draws, seeds and cases with its 95 % interval over patients.

    Args:
        cell: the scores.
        seed: of the bootstrap.
        resamples: number of its draws.
    """
    return _estimate(cell.scores, cell.patients, seed, resamples)


def draw_means(cell: Cell) -> dict[tuple[int, int], float]:
    """(draw, seed) → mean over its cases."""
    groups: dict[tuple[int, int], list[float]] = {}
    for (draw, seed, _), value in cell.scores.items():
        groups.setdefault((draw, seed), []).append(value)
    return {key: fmean(values) for key, values in sorted(groups.items())}


def paired_difference(one: Cell, other: Cell, *, seed: int = 0, resamples: int = _RESAMPLES) -> Estimate:
    """Mean of ``one - other`` over the (draw, seed, case) that both have, with its 95 % interval over patients.

    Args:
        one: a cell.
        other: another; with ``every_draw`` its score of (seed, case) is taken for every draw of ``one``.
        seed: of the bootstrap.
        resamples: number of its draws.
    """
    return _estimate(_differences(one, other), {**other.patients, **one.patients}, seed, resamples)


def gap_closed(ours: Cell, lower: Cell, upper: Cell, *, seed: int = 0, resamples: int = _RESAMPLES) -> Estimate:
    """Share of the gap between two methods that a third closes: sum(ours - lower) / sum(upper - lower).

    Both sums run over the (draw, seed, case) that all three have.  Where the gap is not above zero there is no share
    of it: in the data the result is then ``None``, and with more than 2.5 % of the resamples so, its interval is.

    Args:
        ours: the third.
        lower: e.g. fine labels only.
        upper: e.g. full supervision.
        seed: of the bootstrap.
        resamples: number of its draws.
    """
    gains, gaps = _differences(ours, lower), _flipped(_differences(lower, upper))
    common = sorted(gains.keys() & gaps.keys())
    owners = [ours.patients[case] for *_, case in common]
    gain, gap = (_sums([values[key] for key in common], owners) for values in (gains, gaps))
    if not common or gap.sum() <= 0:
        return {"mean": None, "ci95": [None, None], "n": 0}
    draws = np.random.default_rng(seed).multinomial(len(gap), np.full(len(gap), 1 / len(gap)), size=resamples)
    return {"mean": float(gain.sum() / gap.sum()), "ci95": _interval(draws @ gain, draws @ gap), "n": len(common)}


def _differences(one: Cell, other: Cell) -> Scores:
    look = _lookup(other)
    pairs = {key: (value, look(key)) for key, value in one.scores.items()}
    return {key: value - against for key, (value, against) in pairs.items() if against is not None}


def _lookup(cell: Cell) -> Callable[[tuple[int, int, str]], float | None]:
    if not cell.every_draw:
        return cell.scores.get
    any_draw = {(seed, case): value for (_, seed, case), value in sorted(cell.scores.items(), reverse=True)}

    def look(key: tuple[int, int, str]) -> float | None:
        return any_draw.get(key[1:])

    return look


def _flipped(scores: Scores) -> Scores:
    return {key: -value for key, value in scores.items()}


def _estimate(scores: Scores, patients: Mapping[str, str], seed: int, resamples: int) -> Estimate:
    owners = [patients[case] for *_, case in scores]
    return PatientBootstrap(owners, seed=seed, resamples=resamples).estimate(list(scores.values()), owners)


def _sums(values: Sequence[float], owners: Sequence[str]) -> np.ndarray:
    """Sum for each owner, owners sorted."""
    _, index = np.unique(np.asarray(owners, dtype=str), return_inverse=True)
    return np.bincount(index, weights=values)


def _interval(gain: np.ndarray, gap: np.ndarray) -> list[float | None]:
    defined = gap > 0
    if 1 - defined.mean() > _TAIL:
        return [None, None]
    low, high = np.percentile(gain[defined] / gap[defined], [100 * _TAIL, 100 * (1 - _TAIL)])
    return [float(low), float(high)]

"""The scores of one method, and which of two methods' scores are a pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

#: (draw, seed, case) → value.
Scores: TypeAlias = dict[tuple[int, int, str], float]
#: (draw, seed): one choice of fine patients; a seed has its own split, so that its draws are nobody else's.
Draw: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class MethodScores:
    """Scores of one method with one number of fine patients.

    Attributes:
        scores: mean over the leaves' Dice for each (draw, seed, case); leaves without a Dice are left out.
        patients: case → patient.
        every_draw: nothing was drawn (all patients were fine, or they were selected), so that its scores stand beside
            those of any draw.
    """

    scores: Scores
    patients: Mapping[str, str]
    every_draw: bool = False


def paired(one: MethodScores, other: MethodScores) -> tuple[Scores, Scores]:
    """Both cells' scores at the (draw, seed, case) that they have in common, in the same order.

    Where nothing was drawn for one of them, its score of (seed, case) is taken for every draw of the other: so a method
    is compared case by case with the other's mean over draws.
    """
    drawn, fixed = (other, one) if one.every_draw and not other.every_draw else (one, other)
    look = dict(sorted(fixed.scores.items(), reverse=True))
    if fixed.every_draw:
        any_draw = {key[1:]: value for key, value in look.items()}
        look = {key: any_draw[key[1:]] for key in drawn.scores if key[1:] in any_draw}
    common = [key for key in drawn.scores if key in look]
    left, right = ({key: drawn.scores[key] for key in common}, {key: look[key] for key in common})
    return (left, right) if drawn is one else (right, left)


def differences(one: MethodScores, other: MethodScores) -> Scores:
    """``one - other`` where both have a score; see :func:`paired`."""
    left, right = paired(one, other)
    return {key: value - right[key] for key, value in left.items()}


def draw_means(scores: Scores) -> dict[Draw, float]:
    """(draw, seed) → mean over its cases."""
    groups: dict[Draw, list[float]] = {}
    for (draw, seed, _), value in scores.items():
        groups.setdefault((draw, seed), []).append(value)
    return {key: fmean(values) for key, values in sorted(groups.items())}

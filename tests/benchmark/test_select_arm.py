"""Where a selection stands among random draws."""

from __future__ import annotations

from typing import Any

import pytest
from grids import case_row, cases_of, grid, key

from cladeseg.benchmark.grid import Grid, GridMethod
from cladeseg.benchmark.method_scores import GridScores
from cladeseg.benchmark.select_arm import AmongDraws, among_draws, random_counterpart
from cladeseg.benchmark.store import CaseRow

DRAWS = (0.5, 0.75, 0.25, 1.0, 0.0)


def with_selection(**changes: Any) -> Grid:
    ours = GridMethod(name="ours", overrides={"mix": True})
    chosen = GridMethod(name="chosen", overrides={"mix": True}, patients="select", **changes)
    return grid(methods=(*grid().methods[:2], chosen, ours), draws=(0, 1, 2, 3, 4), n=(1,))


def placed(one: Grid, found: list[CaseRow]) -> list[AmongDraws]:
    return among_draws(one, GridScores(one, cases_of(found)))


def rows(*, selected: float, seed: int = 0) -> list[CaseRow]:
    of_draws = [case_row(key(draw=d, seed=seed), "a1", dice) for d, dice in enumerate(DRAWS)]
    return [*of_draws, case_row(key("chosen", seed=seed), "a1", selected)]


@pytest.mark.parametrize(("dice", "reached"), [(1.0, 5), (0.75, 4), (0.6, 3), (-1.0, 0)])
def test_the_percentile_counts_the_draws_that_are_not_better(dice: float, reached: int) -> None:
    (found,) = placed(with_selection(), rows(selected=dice))
    assert (found.method, found.counterpart, found.n, found.dice) == ("chosen", "ours", 1, dice)
    assert found.draws == tuple(sorted(DRAWS))
    assert (found.reached, found.percentile) == (reached, 20 * reached)
    assert found.wanted_dice == 0.75


def test_draws_count_by_their_mean_over_the_seeds_of_the_selection() -> None:
    both = [*rows(selected=0.5), *rows(selected=1.0, seed=1)]
    lonely = case_row(key(draw=7), "a1", 0.9)  # only one of the two seeds is finished
    (found,) = placed(with_selection(), [*both, lonely, case_row(key(seed=3), "a1", 0.0)])
    assert found.dice == 0.75
    assert found.draws == tuple(sorted(DRAWS))


def test_the_counterpart_differs_in_nothing_but_the_draw() -> None:
    one = with_selection()
    assert random_counterpart(one, one.method("chosen")) == one.method("ours")
    other = with_selection()
    changed = GridMethod(name="chosen", overrides={"mix": False}, patients="select")
    assert random_counterpart(other, changed) is None


def test_without_scores_on_either_side_there_is_nothing_to_say() -> None:
    assert placed(with_selection(), rows(selected=0.5)[:-1]) == []
    assert placed(with_selection(), rows(selected=0.5)[-1:]) == []
    assert placed(grid(), rows(selected=0.5)[:-1]) == []

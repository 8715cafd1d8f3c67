"""Which scores belong together."""

from __future__ import annotations

from grids import case_row, grid, key

from cladeseg.benchmark.cells import scores_of
from cladeseg.benchmark.grid import GridMethod
from cladeseg.statistics.paired import MethodScores, paired


def test_a_cases_score_is_the_mean_over_its_leaves_that_have_one() -> None:
    rows = [
        case_row(key(), "a1", 0.5),
        case_row(key(), "a1", 1.0, node="posterior"),
        case_row(key(), "b1", 0.25),
        case_row(key(), "b1", None, node="posterior"),
        case_row(key(), "c1", None),
        case_row(key(n=2), "a1", 0.125),
        case_row(key("other"), "a1", 0.125),
    ]
    assert scores_of(grid(), rows, "ours", 1).scores == {(0, 0, "a1"): 0.75, (0, 0, "b1"): 0.25}


def test_where_nothing_is_drawn_the_scores_stand_beside_every_draw() -> None:
    one = grid(methods=(*grid().methods, GridMethod(name="chosen", patients="select")))
    assert scores_of(one, [], "full", "all").every_draw
    assert scores_of(one, [], "chosen", 1).every_draw
    assert not scores_of(one, [], "ours", 1).every_draw


def test_pairs_have_the_draws_of_the_one_that_was_drawn() -> None:
    drawn = MethodScores({(d, s, "a1"): d + s / 4 for d in (1, 2) for s in (0, 1)}, {"a1": "a"})
    fixed = MethodScores({(0, 0, "a1"): 8.0, (0, 0, "b1"): 9.0}, {"a1": "a", "b1": "b"}, every_draw=True)
    left, right = paired(fixed, drawn)
    assert right == {(1, 0, "a1"): 1.0, (2, 0, "a1"): 2.0}
    assert left == {(1, 0, "a1"): 8.0, (2, 0, "a1"): 8.0}
    assert paired(drawn, fixed) == (right, left)
    assert paired(fixed, fixed) == (fixed.scores, fixed.scores)

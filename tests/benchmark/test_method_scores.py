"""Which scores belong together."""

from __future__ import annotations

import pandas as pd
import pytest
from grids import case_row, cases_of, grid, key

from cladeseg.benchmark.grid import GridMethod
from cladeseg.benchmark.method_scores import GridScores, MethodScores, aligned, compared
from cladeseg.statistics import draws_won, gap_closed, mean_score, paired_difference


def scored(values: dict[tuple[int, int, str], float], every_draw: bool = False) -> MethodScores:
    """Scores by draw, seed and case; the patient is the first letter of a case."""
    index = pd.MultiIndex.from_tuples(values, names=["draw", "seed", "case"])
    patients = [case[0] for *_, case in values]
    return MethodScores(pd.DataFrame({"dice": list(values.values()), "patient": patients}, index=index), every_draw)


def pairs(*methods: MethodScores) -> list[list[float]]:
    return [scores.tolist() for scores in aligned(*methods)[0]]


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
    found = GridScores(grid(), cases_of(rows)).of("ours", 1)
    assert found.table["dice"].to_dict() == {(0, 0, "a1"): 0.75, (0, 0, "b1"): 0.25}


def test_where_nothing_is_drawn_the_scores_stand_beside_every_draw() -> None:
    one = grid(methods=(*grid().methods, GridMethod(name="chosen", patients="select")))
    scores = GridScores(one, cases_of([]))
    assert [scores.of(name, n).every_draw for name, n in (("full", "all"), ("chosen", 1), ("ours", 1))] == [
        True,
        True,
        False,
    ]


def test_a_method_is_compared_at_the_same_number_of_patients_or_at_all_of_them() -> None:
    rows = [case_row(key("full", "all"), "a1", 0.75), case_row(key("alone", 2), "a1", 0.5)]
    scores = GridScores(grid(), cases_of(rows))
    full, alone = scores.reference("full", 2), scores.reference("alone", 2)
    assert full is not None
    assert alone is not None
    assert (full.table["dice"].tolist(), alone.table["dice"].tolist()) == ([0.75], [0.5])
    assert scores.reference("alone", 1) is None
    assert scores.reference(None, 1) is None


def test_pairs_have_the_draws_of_the_one_that_was_drawn() -> None:
    drawn = scored({(d, s, "a1"): d + s / 4 for d in (1, 2) for s in (0, 1)})
    fixed = scored({(0, 0, "a1"): 8.0, (0, 0, "b1"): 9.0}, every_draw=True)
    assert pairs(fixed, drawn) == [[8.0, 8.0], [1.0, 2.0]]
    assert pairs(drawn, fixed) == [[1.0, 2.0], [8.0, 8.0]]
    assert pairs(fixed, fixed) == [[8.0, 9.0], [8.0, 9.0]]


def test_scores_without_a_partner_are_left_out() -> None:
    one = scored({(0, 0, "a1"): 0.75, (1, 0, "a1"): 0.5, (0, 0, "b1"): 1.0, (2, 0, "b1"): 0.0})
    other = scored({(0, 0, "a1"): 0.5, (1, 0, "a1"): 0.5, (0, 0, "b1"): 0.5, (3, 0, "b1"): 1.0})
    assert compared(paired_difference, one, other)["mean"] == pytest.approx((0.25 + 0.0 + 0.5) / 3)
    (left, right), factors = aligned(one, scored({(0, 0, "a1"): 0.5, (3, 0, "b1"): 1.0}))
    assert draws_won(left, right, draws=factors["draws"]) == (1, 1)


def test_the_same_draw_of_another_seed_is_another_draw() -> None:
    values = {(0, seed, f"{p}{i}"): float(seed) for seed in (0, 1) for p in "abcdef" for i in range(9)}
    assert compared(mean_score, scored(values))["ci95"] == [0.0, 1.0]
    assert scored(values).draw_means.to_dict() == {(0, 0): 0.0, (0, 1): 1.0}


def test_full_supervision_stands_beside_every_draw() -> None:
    ours = scored({(0, 0, "a1"): 0.5, (1, 0, "a1"): 0.25, (1, 1, "a1"): 0.0})
    full = {(0, 0, "a1"): 0.75}
    found = compared(paired_difference, ours, scored(full, every_draw=True))
    assert (found["mean"], found["n"]) == (pytest.approx(-0.375), 2)
    assert compared(paired_difference, ours, scored(full))["n"] == 1


def test_a_selection_is_compared_with_the_mean_over_draws_of_each_case() -> None:
    selected = scored({(0, 0, "a1"): 0.75, (0, 0, "b1"): 0.5}, every_draw=True)
    drawn = scored({(0, 0, "a1"): 0.5, (1, 0, "a1"): 1.0, (2, 0, "a1"): 0.25, (0, 0, "b1"): 0.25})
    by_case = {"a1": 0.75 - (0.5 + 1.0 + 0.25) / 3, "b1": 0.5 - 0.25}
    found, back = compared(paired_difference, selected, drawn), compared(paired_difference, drawn, selected)
    assert found["mean"] == pytest.approx((3 * by_case["a1"] + by_case["b1"]) / 4)
    assert found["mean"] == pytest.approx(-(back["mean"] or 0))
    assert found["n"] == 4


def test_three_methods_are_compared_where_all_have_scores() -> None:
    lower = scored({(0, 0, "a1"): 0.5, (0, 0, "b1"): 0.25})
    upper = scored({(5, 0, "a1"): 0.75, (5, 0, "b1"): 1.0}, every_draw=True)
    ours = scored({(0, 0, "a1"): 0.75, (0, 0, "b1"): 0.75, (1, 0, "a1"): 0.0})
    found = compared(gap_closed, ours, lower, upper)
    assert (found["mean"], found["n"]) == (pytest.approx((0.25 + 0.5) / (0.25 + 0.75)), 2)
    assert compared(gap_closed, upper, lower, upper)["ci95"] == pytest.approx([1.0, 1.0])
    assert compared(gap_closed, scored({(7, 0, "a1"): 0.5}), lower, upper)["mean"] is None  # no draw in common
    assert compared(gap_closed, ours, None, upper) == {"mean": None, "ci95": [None, None], "n": 0}

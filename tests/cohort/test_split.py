from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from cladeseg.cohort.split import draw_fine, merge_overlapping, split_patients
from cladeseg.files import DataError

GROUPS = ("DCM", "HCM", "MINF", "NOR", "RV")
PATIENTS = {f"patient{i:03d}": GROUPS[i % 5] for i in range(80)}
BACKWARDS = dict(reversed(PATIENTS.items()))


def _split(patients=PATIENTS, *, seed=0, together=(), validation=0.1, test=0.2, fixed=None):
    return split_patients(patients, validation=validation, test=test, seed=seed, together=together, fixed=fixed)


def test_a_split_uses_every_patient_once_in_the_fractions_asked_for():
    parts = _split()
    assert {part: len(members) for part, members in parts.items()} == {"training": 56, "validation": 8, "test": 16}
    assert sorted(patient for members in parts.values() for patient in members) == sorted(PATIENTS)


@pytest.mark.parametrize("seed", range(10))
def test_every_part_holds_the_groups_in_proportion(seed):
    for part, share in (("training", 56 / 5), ("validation", 8 / 5), ("test", 16 / 5)):
        counts = Counter(PATIENTS[patient] for patient in _split(seed=seed)[part])
        assert all(abs(counts[group] - share) < 2 for group in GROUPS), (part, counts)


def test_a_split_depends_on_the_seed_and_not_on_the_order_of_the_patients():
    assert _split() == _split(BACKWARDS)
    assert len({tuple(_split(seed=seed)["test"]) for seed in range(10)}) == 10


def test_over_many_seeds_every_patient_is_tested_about_equally_often():
    small = {f"p{i}": "big" if i < 8 else "small" for i in range(10)}
    counts = Counter(p for seed in range(1000) for p in _split(small, seed=seed)["test"])
    assert set(counts) == set(small)
    assert all(140 < counts[p] < 260 for p in small), counts  # 200 expected, σ ≈ 13


@pytest.mark.parametrize("seed", range(20))
def test_patients_of_one_set_stay_on_one_side_even_through_others(seed):
    chain = [{"patient001", "patient002"}, {"patient002", "patient013"}, {"patient070", "elsewhere"}]
    parts = _split(seed=seed, together=chain)
    sides = [part for part, members in parts.items() if {"patient001", "patient002", "patient013"} & set(members)]
    assert len(sides) == 1
    assert [len(parts[part]) for part in ("training", "validation", "test")] == [56, 8, 16]


def test_another_validation_fraction_leaves_the_test_patients_alone():
    assert _split(validation=0.1)["test"] == _split(validation=0.3)["test"]


def test_a_fraction_above_zero_gives_at_least_one_patient_and_zero_gives_none():
    few = {f"p{i}": "a" for i in range(4)}
    assert [len(_split(few)[part]) for part in ("training", "validation", "test")] == [2, 1, 1]
    assert _split(few, validation=0.0)["validation"] == []


@pytest.mark.parametrize(
    ("count", "validation", "test", "says"),
    [(9, 0.6, 0.4, "below 1"), (9, -0.1, 0.2, "below 1"), (2, 0.1, 0.2, "none is left for training")],
)
def test_an_impossible_split_is_refused(count, validation, test, says):
    with pytest.raises(DataError, match=says):
        _split({f"p{i}": "a" for i in range(count)}, validation=validation, test=test)


@pytest.mark.parametrize("seed", range(5))
def test_draws_are_nested_so_that_budgets_grow_by_adding(seed):
    draws = [draw_fine(PATIENTS, n, seed) for n in range(81)]
    assert all(smaller == larger[:-1] for smaller, larger in pairwise(draws))
    assert len(set(draws[-1])) == 80


@pytest.mark.parametrize("n", [1, 3, 5, 7, 12])
def test_a_draw_is_spread_over_the_groups_as_evenly_as_possible(n):
    counts = Counter(PATIENTS[patient] for patient in draw_fine(PATIENTS, n, 0))
    assert {counts[group] for group in GROUPS} <= {n // 5, n // 5 + 1}


def test_a_small_group_runs_out_without_harm():
    patients = {"a1": "a", "b1": "b", "b2": "b", "b3": "b"}
    assert set(draw_fine(patients, 2, 0)) >= {"a1"}
    assert sorted(draw_fine(patients, 4, 0)) == sorted(patients)


def test_which_patients_and_which_groups_are_drawn_depends_on_the_seed_only():
    assert draw_fine(PATIENTS, 3, 4) == draw_fine(BACKWARDS, 3, 4)
    firsts = [draw_fine(PATIENTS, 1, seed)[0] for seed in range(200)]
    assert {PATIENTS[first] for first in firsts} == set(GROUPS)
    assert len(set(firsts)) > 60


def test_draw_zero_is_the_seeds_own_and_the_others_are_draws_of_their_own():
    draws = {draw: draw_fine(PATIENTS, 3, 0, draw=draw) for draw in range(20)}
    assert draws[0] == draw_fine(PATIENTS, 3, 0) == ["patient038", "patient029", "patient007"]
    assert len({tuple(drawn) for drawn in draws.values()}) == 20
    assert draw_fine(PATIENTS, 3, 1, draw=2) != draws[2]
    assert draw_fine(PATIENTS, 5, 0, draw=7)[:3] == draws[7]


def test_more_than_there_are_cannot_be_drawn():
    with pytest.raises(DataError, match="81 patients asked for, 80"):
        draw_fine(PATIENTS, 81, 0)
    with pytest.raises(DataError, match="-1 patients"):
        draw_fine(PATIENTS, -1, 0)


def test_draws_are_the_same_on_every_machine():
    assert draw_fine(PATIENTS, 3, 0) == ["patient038", "patient029", "patient007"]


def test_overlapping_sets_are_united():
    assert merge_overlapping([{"c", "d"}, {"a"}, {"b", "c"}, {"d", "e"}]) == [{"a"}, {"b", "c", "d", "e"}]
    assert merge_overlapping([]) == []


@pytest.mark.parametrize("seed", range(3))
def test_a_side_that_is_decided_is_kept_and_nobody_else_is_drawn_for_it(seed):
    fixed = {"patient003": "test", "patient004": "test"}
    parts = _split(seed=seed, fixed=fixed)
    assert parts["test"] == sorted(fixed)
    assert len(parts["validation"]) == 8, "a tenth of the other 78"
    assert sum(map(len, parts.values())) == len(PATIENTS)


def test_who_shares_a_scan_with_a_decided_patient_goes_along():
    parts = _split(fixed={"patient003": "test"}, together=[{"patient003", "patient004"}])
    assert parts["test"] == ["patient003", "patient004"]
    with pytest.raises(DataError, match="'patient003' is listed for test and 'patient004' for validation"):
        _split(fixed={"patient003": "test", "patient004": "validation"}, together=[{"patient003", "patient004"}])

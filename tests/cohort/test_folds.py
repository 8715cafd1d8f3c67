"""Folds: stratified by class, whole groups in one, drawn by seed, impossible ones refused."""

from __future__ import annotations

import pytest

from cladeseg.cohort import cross_folds
from cladeseg.files import DataError

COHORT = {f"p{i:02d}": "rare" if i < 10 else "common" for i in range(50)}


def test_every_fold_holds_its_share_of_each_class() -> None:
    found = cross_folds(COHORT, 5, seed=3)
    for fold in range(5):
        members = [COHORT[name] for name, one in found.items() if one == fold]
        assert (members.count("rare"), members.count("common")) == (2, 8)


def test_patients_of_a_site_are_held_out_together() -> None:
    sites = {name: f"site{int(name[1:]) % 7}" for name in COHORT}
    found = cross_folds(COHORT, 3, seed=0, together=sites)
    assert {found[name] for name in COHORT} == {0, 1, 2}
    for site in set(sites.values()):
        assert len({found[name] for name in COHORT if sites[name] == site}) == 1


def test_the_seed_decides_and_the_order_of_the_files_does_not() -> None:
    shuffled = dict(reversed(COHORT.items()))
    assert cross_folds(shuffled, 5, seed=1) == cross_folds(COHORT, 5, seed=1) != cross_folds(COHORT, 5, seed=2)


@pytest.mark.parametrize(("count", "words"), [(1, "two at least"), (11, "'rare' has 10 patients"), (60, "50 groups")])
def test_impossible_folds_are_refused_by_name(count: int, words: str) -> None:
    with pytest.raises(DataError, match=words):
        cross_folds(COHORT, count, seed=0)

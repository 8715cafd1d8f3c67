from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from grids import ABLATIONS, BUNDLE, grid, write_grid

from cladeseg.benchmark import read_grid
from cladeseg.files import DataError


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "more.json").write_text('{"mix": false}')
    methods = [{"name": "a", "overlays": ["more.json"]}]
    found = read_grid(write_grid(tmp_path, dataset_dir="../data", phantoms=None, methods=methods, results="docs"))
    assert found.dataset_dir == tmp_path.parent / "data"
    assert found.results == tmp_path / "docs"
    assert found.method("a").overlays == (tmp_path / "more.json",)
    assert found.bundle == BUNDLE


def test_what_is_left_out_is_one_draw_of_one_seed_on_test_cases(tmp_path: Path) -> None:
    found = read_grid(write_grid(tmp_path))
    assert (found.draws, found.seeds, found.split, found.labels) == ((0,), (0,), "test", {"ours": "ours"})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"drawz": [1]}, "unknown key 'drawz'; did you mean 'draws'"),
        ({"n": "absent"}, "needs 'n'"),
        ({"methods": [{"label": "a"}]}, r"methods\[0\]: needs 'name'"),
        ({"methods": [{"name": "a", "overide": {}}]}, r"methods\[0\]: unknown key 'overide'; did you mean 'overrides'"),
        ({"methods": [{"name": "a"}, {"name": "a", "label": "b"}]}, "'a' is there twice"),
        ({"methods": [{"name": "a/b"}]}, "name 'a/b'"),
        ({"methods": []}, "should be a list with entries"),
        ({"methods": [{"name": "a", "overrides": {"epoch": 3}}]}, r"'a': overrides: .*no key 'epoch'.*'epochs'"),
        ({"overrides": {"mixx": False}}, "no key 'mixx'; did you mean 'mix'"),
        ({"overrides": {"seed": 3}}, "'seed' is set by the grid itself"),
        ({"n": [0]}, "0 is not a whole number of at least 1"),
        ({"n": ["some"]}, "'some' is not a whole number"),
        ({"draws": [True]}, "True is not a whole number"),
        ({"draws": [-1]}, "-1 is not"),
        ({"seeds": [1, 1]}, "twice"),
        ({"split": "training"}, "split: 'training'"),
        ({"dataset_dir": "data"}, "either 'dataset_dir' or 'phantoms'"),
        ({"bundle": "nowhere"}, "nowhere is no bundle"),
        ({"lower": "theirs"}, "lower: no method 'theirs'; there are ours"),
        ({"overlays": ["gone.json"]}, "gone.json: cannot be read"),
        ({"name": 3}, "name: 3 should be str"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_grid(write_grid(tmp_path, **changes))


def test_a_misspelt_key_of_an_overlay_names_the_overlay(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"mixing": false}')
    with pytest.raises(DataError, match=r"bad\.json: .*no key 'mixing'"):
        read_grid(write_grid(tmp_path, overlays=["bad.json"]))


def test_labels_stand_in_for_names() -> None:
    assert grid().labels == {"full": "all fine", "alone": "fine alone", "ours": "ours"}
    assert (ABLATIONS / "fine_only.json").is_file()

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from grids import ABLATIONS, BUNDLE, grid, write_grid
from pydantic import ValidationError

from cladeseg.benchmark import read_grid
from cladeseg.files import DataError


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "more.json").write_text('{"settings#mix#weight": 0.5}')
    methods = [{"name": "a", "overlays": ["more.json"]}]
    found = read_grid(write_grid(tmp_path, dataset_dir="../data", phantoms=None, methods=methods, results="docs"))
    assert found.dataset_dir == tmp_path.parent / "data"
    assert found.results == tmp_path / "docs"
    assert found.method("a").overlays == (tmp_path / "more.json",)
    assert found.bundle == BUNDLE


def test_what_is_left_out_is_one_draw_of_one_seed_on_test_cases(tmp_path: Path) -> None:
    found = read_grid(write_grid(tmp_path))
    assert (found.draws, found.seeds, found.split, found.labels) == ((0,), None, "test", {"ours": "ours"})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"drawz": [1]}, r"grid\.json#drawz: there is no such setting; did you mean \S+#draws"),
        ({"n": "absent"}, r"grid\.json#n: .*(required|missing)"),
        ({"methods": [{"label": "a"}]}, r"methods\[0\]#name: .*(required|missing)"),
        ({"methods": [{"name": "a", "overide": {}}]}, r"methods\[0\] 'a'#overide: .*did you mean .*#overrides"),
        ({"methods": [{"name": "a"}, {"name": "a", "label": "b"}]}, "'a' is there twice"),
        ({"methods": [{"name": "a/b"}]}, "name 'a/b'"),
        ({"methods": []}, r"grid\.json#methods: \[\] does not fit"),
        ({"methods": ["a"]}, r"grid\.json#methods: \"a\" does not fit"),
        (
            {"methods": [{"name": "a", "overrides": {"epoch": 3}}]},
            r"\[0\] 'a': overrides: epoch: .*did you mean 'epochs'",
        ),
        ({"overrides": {"settings#mix#wight": 1}}, "json: overrides: settings#mix#wight: .*settings#mix#weight"),
        ({"overrides": {"seed": 3}}, "'seed' is set by the grid itself"),
        ({"overrides": {"settings#split#draw": 3}}, "'settings#split#draw' is set by the grid itself"),
        ({"overrides": 3}, r"grid\.json#overrides: 3 does not fit"),
        ({"n": [0]}, r"#n: 0 does not fit .*expected list of whole number ≥ 1 or \"all\""),
        ({"n": ["some"]}, r"#n: \"some\" does not fit .*whole number"),
        ({"draws": [True]}, "#draws: true does not fit .*whole number ≥ 0"),
        ({"draws": [-1]}, "#draws: -1 does not fit"),
        ({"methods": [{"name": "a", "draws": []}]}, r"methods\[0\] 'a'#draws: \[\] does not fit"),
        ({"seeds": [1, 1]}, "#seeds: names something twice"),
        ({"split": "training"}, r"#split: \"training\" does not fit .*\"test\", \"validation\""),
        ({"dataset_dir": "data"}, "either 'dataset_dir' or 'phantoms'"),
        ({"bundle": "nowhere"}, "nowhere is no bundle"),
        ({"lower": "theirs"}, "lower: no method 'theirs'; there are ours"),
        ({"ablations": ["theirs"]}, "ablations: no method 'theirs'; there are ours"),
        ({"overlays": ["gone.json"]}, "gone.json: cannot be read"),
        ({"name": 3}, "#name: 3 does not fit .*expected text"),
        ({"methods": [{"name": "a", "nnunet": {"epochs": 7}}]}, r"methods\[0\] 'a'#nnunet: 7 does not fit .*1, 5, 10"),
        (
            {"methods": [{"name": "a", "nnunet": {"epochs": 5}, "overrides": {"epochs": 3}}]},
            r"methods\[0\] 'a': nnunet: takes no overlays or overrides",
        ),
    ],
)
def test_a_fault_is_named(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_grid(write_grid(tmp_path, **changes))


def test_a_grid_is_an_object(tmp_path: Path) -> None:
    (tmp_path / "grid.json").write_text("[1]")
    with pytest.raises(DataError, match=r"grid\.json: should be an object with name"):
        read_grid(tmp_path / "grid.json")


def test_a_grid_cannot_be_changed_once_it_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read_grid(write_grid(tmp_path)).name = "other"  # type: ignore[misc]


def test_a_misspelt_key_of_an_overlay_names_the_overlay(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"epoch": 3}')
    with pytest.raises(DataError, match=r"bad\.json: epoch: .*did you mean 'epochs'"):
        read_grid(write_grid(tmp_path, overlays=["bad.json"]))


def test_labels_stand_in_for_names() -> None:
    assert grid().labels == {"full": "all fine", "alone": "fine alone", "ours": "ours"}
    assert (ABLATIONS / "fine_only.json").is_file()

"""Loaded cases on disk: what was put there, for these files and settings alone, within a size."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cladeseg.files import DataError
from cladeseg.segmentation.data import VolumeStore, clean_store, content_of

SETTINGS = {"spacing": [1.0, 1.0, 1.0]}


@pytest.fixture
def case(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "image").write_bytes(b"voxels")
    (tmp_path / "label").write_bytes(b"nodes")
    image, label = str(tmp_path / "image"), str(tmp_path / "label")
    return {"case": "a", "supervision": "fine", "image": image, "label": label, "volumes_ml": {"heart": 1.5}}


def loaded(**changes: Any) -> dict[str, Any]:
    image = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    nodes = torch.randint(5, (1, 3, 4, 5), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    boxes = np.arange(6).reshape(1, 2, 3)
    return {"case": "a", "volumes_ml": {"heart": 1.5}, "image": image, "nodes": nodes, "boxes": boxes, **changes}


def store_in(folder: Path, made_with: dict[str, Any] | None = None, **options: Any) -> VolumeStore:
    return VolumeStore(folder / "store", made_with or SETTINGS, **options)


def test_a_case_comes_back_with_images_in_half_precision(tmp_path: Path, case: dict[str, Any]) -> None:
    store, before = store_in(tmp_path), loaded()
    path = store.path(case)
    assert not store.holds(path)
    store.put(path, before)
    assert store.holds(path)
    after = store.get(path)
    assert after.keys() == before.keys()
    assert after["image"].dtype == torch.float16
    torch.testing.assert_close(after["image"].float(), before["image"], atol=5e-4, rtol=1e-3)
    assert after["nodes"].dtype == torch.uint8
    assert torch.equal(after["nodes"], before["nodes"])
    assert isinstance(after["boxes"], np.ndarray)
    assert np.array_equal(after["boxes"], before["boxes"])
    assert after["volumes_ml"] == before["volumes_ml"]


def test_writing_to_a_case_changes_no_file(tmp_path: Path, case: dict[str, Any]) -> None:
    store = store_in(tmp_path)
    store.put(store.path(case), loaded())
    store.get(store.path(case))["nodes"].zero_()
    assert torch.equal(store.get(store.path(case))["nodes"], loaded()["nodes"])


@pytest.mark.parametrize("file", ["image", "label"])
def test_a_changed_file_is_another_case(tmp_path: Path, case: dict[str, Any], file: str) -> None:
    store = store_in(tmp_path)
    before, content = store.path(case), content_of(case)
    Path(case[file]).write_bytes(b"other")
    assert store.path(case) != before
    assert content_of(case) != content


def test_other_settings_or_another_supervision_are_another_case(tmp_path: Path, case: dict[str, Any]) -> None:
    path = store_in(tmp_path).path(case)
    assert store_in(tmp_path, {"spacing": [2.0, 1.0, 1.0]}).path(case) != path
    assert store_in(tmp_path).path({**case, "supervision": "heart"}) != path
    moved = tmp_path / "moved"
    Path(case["image"]).rename(moved)
    assert store_in(tmp_path).path({**case, "image": str(moved)}) == path  # the same content elsewhere


def test_a_damaged_file_counts_as_missing_and_is_named_when_read(tmp_path: Path, case: dict[str, Any]) -> None:
    store = store_in(tmp_path)
    path = store.path(case)
    store.put(path, loaded())
    path.write_bytes(path.read_bytes()[:-1])
    assert not store.holds(path)
    with pytest.raises(DataError, match=path.name):
        store.get(path)


def test_what_was_used_longest_ago_goes_first(tmp_path: Path, case: dict[str, Any]) -> None:
    size = 2000 * 2 + 2000
    big = {"image": torch.zeros(2000), "nodes": torch.zeros(2000, dtype=torch.uint8)}
    paths = []
    for name in "abc":
        store = store_in(tmp_path, max_gigabytes=2.5 * size / 1e9 + 1e-6)
        paths.append(store.path({**case, "case": name}))
        store.put(paths[-1], big)
        os.utime(paths[-1], (len(paths), len(paths)))
    assert [path.is_file() for path in paths] == [False, True, True]


def test_a_training_that_does_not_fit_is_refused_and_none_of_its_cases_goes(
    tmp_path: Path, case: dict[str, Any]
) -> None:
    store = store_in(tmp_path, max_gigabytes=1e-5)
    paths = [store.path({**case, "case": name}) for name in "ab"]
    assert not any(store.holds(path) for path in paths)
    store.put(paths[0], {"image": torch.zeros(3000)})
    with pytest.raises(DataError, match=r"data\.store_gigabytes"):
        store.put(paths[1], {"image": torch.zeros(3000)})
    assert [path.is_file() for path in paths] == [True, False]


def test_cleaning_leaves_files_of_others(tmp_path: Path, case: dict[str, Any]) -> None:
    store = store_in(tmp_path)
    store.put(store.path(case), loaded())
    (store.folder / "weights.safetensors").write_bytes(b"mine")
    assert clean_store(store.folder, 0) == 1
    assert [path.name for path in store.folder.iterdir()] == ["weights.safetensors"]
    with pytest.raises(DataError, match="nowhere"):
        clean_store(tmp_path / "nowhere", 0)

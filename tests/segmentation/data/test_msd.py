"""A Decathlon folder is what its dataset.json says."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.data import scan_msd


def write(root: Path, training: Any, **more: Any) -> Path:
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(exist_ok=True)
        for name in ("a", "b"):
            (root / folder / f"{name}.nii.gz").touch()
    (root / "dataset.json").write_text(json.dumps({"training": training, **more}))
    return root


def entry(name: str) -> dict[str, str]:
    return {"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"}


def test_listed_cases_are_found_in_order_and_others_are_not(tmp_path, caplog):
    write(tmp_path, [entry("b"), entry("a"), entry("._a")], test=["./imagesTs/c.nii.gz"])
    with caplog.at_level(logging.INFO):
        cases = scan_msd(tmp_path)
    assert cases[0] == {
        "case": "a",
        "patient": "a",
        "group": "unknown",
        "image": "imagesTr/a.nii.gz",
        "label": "labelsTr/a.nii.gz",
    }
    assert [case["case"] for case in cases] == ["a", "b"]
    assert "its 1 test cases have no labels" in caplog.text


def test_a_missing_label_has_a_place(tmp_path):
    write(tmp_path, [entry("a"), {"image": "imagesTr/b.nii.gz"}])
    (tmp_path / "labelsTr" / "a.nii.gz").unlink()
    (tmp_path / "labelsTr" / "b.nii.gz").unlink()
    assert [case["missing_label"] for case in scan_msd(tmp_path)] == ["labelsTr/a.nii.gz", "labelsTr/b.nii.gz"]


@pytest.mark.parametrize(
    ("training", "says"),
    [
        ([], r"dataset\.json: 'training' should list"),
        (None, r"dataset\.json: 'training' should list"),
        (["a.nii.gz"], r"dataset\.json: training\[0\]: needs a text 'image'"),
        ([entry("c")], r"imagesTr/c\.nii\.gz: missing; .*training\[0\]"),
        ([{"image": "../a.nii.gz"}], r"training\[0\]: image '../a.nii.gz' leaves"),
        ([{**entry("a"), "label": "/etc/a.nii.gz"}], "label '/etc/a.nii.gz' leaves"),
        ([entry("a"), entry("a")], r"training\[1\]: a second case 'a'"),
    ],
)
def test_an_impossible_list_is_refused(tmp_path, training, says):
    with pytest.raises(DataError, match=says):
        scan_msd(write(tmp_path, training))


@pytest.mark.parametrize("text", [None, "{"])
def test_an_absent_or_broken_list_is_refused_by_name(tmp_path, text):
    if text:
        (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DataError, match=rf"^{tmp_path / 'dataset.json'}: cannot be read"):
        scan_msd(tmp_path)

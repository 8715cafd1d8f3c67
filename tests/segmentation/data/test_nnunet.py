"""nnU-Net's raw folders of both versions."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from laid_out import touch, write_json

from cladeseg.files import DataError
from cladeseg.segmentation.data import scan, scan_with_channels
from cladeseg.segmentation.data.layouts import recognise_layout

V2 = {"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "tumour": 1}, "file_ending": ".nii.gz"}
V1 = {"modality": {"0": "T1", "1": "T2"}, "labels": {"0": "background", "1": "tumour"}, "numTraining": 2}


def raw(root: Path, content: Any = V2, cases: tuple[str, ...] = ("a", "b_0001"), channels: int = 2) -> Path:
    names = [f"imagesTr/{case}_{i:04d}.nii.gz" for case in cases for i in range(channels)]
    touch(root, *names, *(f"labelsTr/{case}.nii.gz" for case in cases))
    return write_json(root, "dataset.json", content)


@pytest.mark.parametrize("version", [V1, V2], ids=["v1", "v2"])
def test_both_versions_list_the_same_cases(tmp_path: Path, version: dict[str, Any]) -> None:
    training = [
        {"image": f"./imagesTr/{case}.nii.gz", "label": f"./labelsTr/{case}.nii.gz"} for case in ("a", "b_0001")
    ]
    root = raw(tmp_path, {**version, **({"training": training, "test": []} if version is V1 else {})})
    assert recognise_layout(root) == "nnunet"
    first, second = scan_with_channels(root)
    assert first == {
        "case": "a",
        "patient": "a",
        "group": "unknown",
        "image": ["imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz"],
        "label": "labelsTr/a.nii.gz",
        "channels": ["T1", "T2"],
    }
    assert second["case"] == "b_0001"


def test_decathlon_images_whose_names_end_in_four_digits_stay_the_decathlons(tmp_path: Path) -> None:
    touch(tmp_path, "imagesTr/img_0000.nii.gz", "labelsTr/img_0000.nii.gz")
    write_json(tmp_path, "dataset.json", {"training": [{"image": "imagesTr/img_0000.nii.gz"}]})
    assert recognise_layout(tmp_path) == "msd"


def test_a_single_channel_has_no_name_and_is_no_list(tmp_path: Path) -> None:
    root = raw(tmp_path, {"channel_names": {"0": "CT"}, "file_ending": ".nii.gz"}, channels=1)
    assert [case["image"] for case in scan(root)] == ["imagesTr/a_0000.nii.gz", "imagesTr/b_0001_0000.nii.gz"]


def test_labelled_test_cases_are_the_test_part_and_others_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = raw(tmp_path)
    touch(root, *(f"imagesTs/{case}_{i:04d}.nii.gz" for case in "cd" for i in range(2)), "labelsTs/c.nii.gz")
    with caplog.at_level(logging.INFO):
        cases = {case["case"]: case for case in scan(root)}
    assert {name: case.get("part") for name, case in cases.items()} == {"a": None, "b_0001": None, "c": "test"}
    assert cases["c"]["label"] == "labelsTs/c.nii.gz"
    assert "1 files are left out, they have no label in labelsTs to score: d" in caplog.text


def test_a_missing_label_has_a_place(tmp_path: Path) -> None:
    (raw(tmp_path) / "labelsTr" / "a.nii.gz").unlink()
    assert scan(tmp_path)[0]["missing_label"] == "labelsTr/a.nii.gz"


def test_files_may_be_named_by_case(tmp_path: Path) -> None:
    touch(tmp_path, "mr/1.nii.gz", "seg/1.nii.gz")
    listed = {"one": {"images": ["mr\\1.nii.gz"], "label": "seg/1.nii.gz"}}
    write_json(tmp_path, "dataset.json", {"channel_names": {"0": "MR"}, "dataset": listed})
    (case,) = scan(tmp_path)
    assert (case["case"], case["image"], case["label"]) == ("one", "mr/1.nii.gz", "seg/1.nii.gz")


def test_patients_may_be_named(tmp_path: Path) -> None:
    root = raw(tmp_path, {**V2, "patients": {"a": "x", "b_0001": "x"}})
    assert {case["patient"] for case in scan(root)} == {"x"}


def test_what_is_not_used_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(raw(tmp_path, {**V2, "folds": 5}), "imagesTr/strange.nii.gz")
    with caplog.at_level(logging.INFO):
        scan(tmp_path)
    assert "key 'folds' (1 times) is not used" in caplog.text
    assert "do not end in a channel such as _0000: strange.nii.gz" in caplog.text


@pytest.mark.parametrize(
    ("remove", "says"),
    [
        ("imagesTr/a_0001.nii.gz", "case 'a' has 1 channels, not the 2 of T1, T2"),
        ("imagesTr/a_0000.nii.gz", "a_0000: missing; the case has a_0001"),
    ],
)
def test_a_missing_channel_is_refused(tmp_path: Path, remove: str, says: str) -> None:
    (raw(tmp_path) / remove).unlink()
    with pytest.raises(DataError, match=says):
        scan(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({**V2, "patients": ["x"]}, "'patients' should map"),
        ({**V2, "patients": {"a": None}}, "'a' is a name, not nothing"),
        ({**V2, "dataset": {"a": None}}, r"dataset\['a'\]: needs a list 'images'"),
        ({**V2, "dataset": {"a": {"images": ["../x.nii.gz"]}}}, "leaves the folder"),
        ({**V2, "dataset": {"a": {"images": ["x.nii.gz"]}}}, "missing"),
        ([V2], "should hold an object"),
    ],
)
def test_an_impossible_description_is_refused(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        scan(raw(tmp_path, content), "nnunet")

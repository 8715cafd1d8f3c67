"""Folders without a list: names alone say which file is a label, a channel, a case and a patient's."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from laid_out import touch

from cladeseg.files import DataError
from cladeseg.segmentation.data import scan, scan_with_channels


def test_one_image_and_its_label_in_a_folder_for_each_patient(tmp_path: Path) -> None:
    touch(tmp_path, *(f"IBSR_0{i}/IBSR_0{i}{end}.nii.gz" for i in (1, 3) for end in ("", "_seg")), "IBSR_01/.DS_Store")
    first, second = scan_with_channels(tmp_path)
    assert first == {
        "case": "IBSR_01",
        "patient": "IBSR_01",
        "group": "unknown",
        "image": "IBSR_01/IBSR_01.nii.gz",
        "label": "IBSR_01/IBSR_01_seg.nii.gz",
    }
    assert second["case"] == "IBSR_03"


def test_what_the_cases_names_share_are_the_channels(tmp_path: Path) -> None:
    touch(tmp_path, *(f"Case{i}/Case{i}_{end}.nii.gz" for i in (1, 2) for end in ("T2", "LGE", "C0", "gd")))
    case, _ = scan_with_channels(tmp_path)
    assert case["channels"] == ["C0", "LGE", "T2"]
    assert case["image"] == [f"Case1/Case1_{name}.nii.gz" for name in case["channels"]]
    assert case["label"] == "Case1/Case1_gd.nii.gz"


def test_a_flat_folder_has_a_patient_for_each_case(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{case}{end}.nii" for case in ("a", "a_b") for end in ("", "-Label")))
    cases = scan(tmp_path)
    assert [(case["case"], case["patient"], case["image"]) for case in cases] == [
        ("a", "a", "a.nii"),
        ("a_b", "a_b", "a_b.nii"),
    ]


def test_files_may_be_called_after_their_channel_alone(tmp_path: Path) -> None:
    touch(tmp_path, *(f"p{i}/{name}.nii.gz" for i in (1, 2) for name in ("t1", "flair", "seg")))
    case, _ = scan_with_channels(tmp_path)
    assert (case["case"], case["channels"], case["label"]) == ("p1", ["flair", "t1"], "p1/seg.nii.gz")


def test_the_outermost_folder_is_the_patient_and_says_which_of_two_cases_is_meant(tmp_path: Path) -> None:
    touch(tmp_path, *(f"p{i}/ses{j}/scan{end}.nii.gz" for i in (1, 2) for j in (1, 2) for end in ("", "_mask")))
    assert [(case["case"], case["patient"]) for case in scan(tmp_path)] == [
        (f"p{i}__ses{j}__scan", f"p{i}") for i in (1, 2) for j in (1, 2)
    ]


def test_one_folder_around_all_cases_is_no_patient(tmp_path: Path) -> None:
    touch(tmp_path, *(f"data/{case}{end}.nii.gz" for case in "ab" for end in ("", "_seg")))
    assert [case["patient"] for case in scan(tmp_path)] == ["a", "b"]


def test_a_case_without_label_is_found_by_its_channels(tmp_path: Path) -> None:
    touch(tmp_path, *(f"p{i}/p{i}_{end}.nii.gz" for i in (1, 2) for end in ("T1", "T2", "gd")))
    touch(tmp_path, "p3/p3_T1.nii.gz", "p3/p3_T2.nii.gz")
    assert scan(tmp_path)[2] == {
        "case": "p3",
        "patient": "p3",
        "group": "unknown",
        "image": ["p3/p3_T1.nii.gz", "p3/p3_T2.nii.gz"],
        "missing_label": "p3/p3_gd.nii.gz",
    }


def test_files_that_few_cases_have_are_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(tmp_path, *(f"p{i}/p{i}{end}.nii.gz" for i in (1, 2, 3) for end in ("_T1", "_seg")), "p1/p1_extra.nii.gz")
    touch(tmp_path, "p4/something.nii.gz")
    with caplog.at_level(logging.INFO):
        assert len(scan(tmp_path)) == 3
    assert "1 files are left out, most cases have no file of such a name: p1/p1_extra.nii.gz" in caplog.text
    assert "p4/something.nii.gz" in caplog.text


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("p2/p2_gt.nii.gz", "case 'p2' has two labels"),
        ("p4/p4_seg.nii.gz", r"p4_seg\.nii\.gz: a label without an image beside it"),
        ("p4/p4_T1.nii.gz", "case 'p4' has no 'T2', which the others have"),
        ("p1/p1_T1.nii", "a second image of case 'p1' beside p1_T1.nii"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path: Path, more: str, says: str) -> None:
    touch(tmp_path, *(f"p{i}/p{i}_{end}.nii.gz" for i in (1, 2, 3) for end in ("T1", "T2", "seg")), more)
    with pytest.raises(DataError, match=says):
        scan(tmp_path)


def test_a_folder_that_is_called_like_a_volume_is_none(tmp_path: Path) -> None:
    touch(tmp_path, "p1/p1.nii.gz", "p1/p1_seg.nii.gz", "p2/p2.nii/p2.nii.gz", "p2/p2.nii/p2_seg.nii.gz")
    assert [case["image"] for case in scan(tmp_path)] == ["p1/p1.nii.gz", "p2/p2.nii/p2.nii.gz"]


def test_the_folder_of_a_dicom_series_is_an_image(tmp_path: Path) -> None:
    for i in (1, 2):
        touch(tmp_path, f"p{i}/seg.nii.gz", f"p{i}/t1/1.dcm")
        (tmp_path / f"p{i}" / "t1" / "1.dcm").write_bytes(b"\0" * 128 + b"DICM")
    assert [case["image"] for case in scan(tmp_path)] == ["p1/t1", "p2/t1"]

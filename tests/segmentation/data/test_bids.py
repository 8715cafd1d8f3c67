"""BIDS: subjects are patients, sessions and runs are cases, labels come from derivatives."""

from __future__ import annotations

from pathlib import Path

import pytest
from laid_out import touch

from cladeseg.files import DataError
from cladeseg.segmentation.data import scan, scan_with_channels

LABEL = "derivatives/manual/sub-1/ses-{0}/anat/sub-1_ses-{0}_{1}.nii.gz"


def two_sessions(root: Path) -> Path:
    images = [f"sub-1/ses-{s}/anat/sub-1_ses-{s}_T1w.nii.gz" for s in "ab"]
    return touch(root, *images, LABEL.format("a", "dseg"), LABEL.format("b", "space-orig_desc-manual_mask"))


def test_sessions_are_cases_of_one_patient(tmp_path: Path) -> None:
    cases = scan(two_sessions(tmp_path))
    assert [(case["case"], case["patient"]) for case in cases] == [("sub-1_ses-a", "sub-1"), ("sub-1_ses-b", "sub-1")]
    assert cases[1]["label"] == LABEL.format("b", "space-orig_desc-manual_mask")


def test_runs_are_cases_and_other_entities_are_channels(tmp_path: Path) -> None:
    names = [f"sub-1/anat/sub-1_{acq}run-{run}_T1w" for run in "12" for acq in ("", "acq-hi_")]
    touch(tmp_path, *(f"{name}.nii.gz" for name in names), "sub-1/func/sub-1_bold.nii.gz")
    cases = scan_with_channels(tmp_path)
    assert [case["case"] for case in cases] == ["sub-1_run-1", "sub-1_run-2"]
    assert cases[0]["channels"] == ["T1w", "acq-hi_T1w"]
    assert cases[0]["missing_label"] == "derivatives/sub-1/anat/sub-1_run-1_dseg.nii.gz"


def test_a_label_may_lie_beside_the_image(tmp_path: Path) -> None:
    touch(tmp_path, "sub-1/anat/sub-1_T1w.nii.gz", "sub-1/anat/sub-1_label.nii.gz")
    assert scan(tmp_path)[0]["label"] == "sub-1/anat/sub-1_label.nii.gz"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (LABEL.format("a", "seg"), "case 'sub-1_ses-a' has two labels, .*dseg.* and .*_seg"),
        (LABEL.format("c", "seg"), "sub-1_ses-c_seg.nii.gz: a label without an image of the same sub, ses and run"),
        ("sub-1/ses-a/anat/sub-1_ses-a_T1w.nii", "a second channel 'T1w' of case 'sub-1_ses-a'"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path: Path, more: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        scan(touch(two_sessions(tmp_path), more))

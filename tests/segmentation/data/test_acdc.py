from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from tiny_acdc import image, label, save, write_patient, write_patients

from cladeseg.files import DataError
from cladeseg.segmentation.data.acdc import scan_acdc
from cladeseg.segmentation.data.layouts import scan


def test_both_frames_of_every_patient_are_listed_in_order(tmp_path):
    write_patient(tmp_path, 12, "RV")
    write_patient(tmp_path, 3)
    cases = scan_acdc(tmp_path)
    assert [case["case"] for case in cases] == [
        "patient003_frame01",
        "patient003_frame07",
        "patient012_frame01",
        "patient012_frame07",
    ]
    assert cases[3] == {
        "case": "patient012_frame07",
        "patient": "patient012",
        "group": "RV",
        "frame": "ES",
        "image": "patient012/patient012_frame07.nii.gz",
        "label": "patient012/patient012_frame07_gt.nii.gz",
    }


def test_the_info_file_decides_which_frames_count_and_other_volumes_are_ignored(tmp_path):
    folder = write_patient(tmp_path, 90)
    save(image(), folder / "patient090_frame04.nii.gz")
    save(np.zeros((4, 4, 2, 3), np.int16), folder / "patient090_4d.nii.gz")
    (folder / "Info.cfg").write_text("ED: 4\nES: 7\n")
    cases = scan_acdc(tmp_path)
    assert [(case["case"], case["frame"], case["group"]) for case in cases] == [
        ("patient090_frame04", "ED", "unknown"),
        ("patient090_frame07", "ES", "unknown"),
    ]


def test_uncompressed_files_and_the_training_folder_of_the_archive_are_found(tmp_path):
    folder = write_patient(tmp_path / "training", 1)
    (folder / "patient001_frame01.nii.gz").unlink()
    save(image(), folder / "patient001_frame01.nii")
    write_patient(tmp_path / "testing", 101)
    cases = scan_acdc(tmp_path)
    assert [case["image"] for case in cases] == [
        "training/patient001/patient001_frame01.nii",
        "training/patient001/patient001_frame07.nii.gz",
    ]


def test_a_missing_label_is_no_error_yet_but_its_place_is_known(tmp_path):
    (write_patient(tmp_path, 1) / "patient001_frame07_gt.nii.gz").unlink()
    first, second = scan_acdc(tmp_path)
    assert "label" in first
    assert "label" not in second
    assert second["missing_label"] == "patient001/patient001_frame07_gt.nii.gz"


def test_no_key_of_a_case_trips_monai_spacing(tmp_path):
    write_patient(tmp_path, 1)
    assert not [key for case in scan_acdc(tmp_path) for key in case if key.startswith(("image_", "label_"))]


def _remove_info(folder):
    (folder / "Info.cfg").unlink()


def _forget_es(folder):
    (folder / "Info.cfg").write_text("ED: 1\nGroup: DCM\n")


def _repeat_frame(folder):
    (folder / "Info.cfg").write_text("ED: 1\nES: 1\n")


def _remove_image(folder):
    (folder / "patient001_frame07.nii.gz").unlink()


def _add_orphan_label(folder):
    save(label(), folder / "patient001_frame05_gt.nii.gz")


@pytest.mark.parametrize(
    ("fault", "culprit", "says"),
    [
        (_remove_info, "Info.cfg", "missing"),
        (_forget_es, "Info.cfg", "'ES'"),
        (_repeat_frame, "Info.cfg", "same frame"),
        (_remove_image, "patient001_frame07", "missing|without an image"),
        (_add_orphan_label, "patient001_frame05_gt.nii.gz", "without an image"),
    ],
)
def test_a_broken_patient_is_refused_by_the_file_at_fault(tmp_path, fault, culprit, says):
    folder = write_patient(tmp_path, 1)
    fault(folder)
    with pytest.raises(DataError, match=says) as error:
        scan_acdc(tmp_path)
    assert str(error.value).startswith(str(folder / culprit))


def test_a_frame_without_image_and_label_is_missing(tmp_path):
    folder = write_patient(tmp_path, 1)
    for file in folder.glob("*frame07*"):
        file.unlink()
    with pytest.raises(DataError, match=r"patient001_frame07.nii.gz: missing; Info.cfg names it as the ES frame"):
        scan_acdc(tmp_path)


def test_an_absent_or_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=re.escape(str(tmp_path)) + ".*empty"):
        scan_acdc(tmp_path)
    shutil.rmtree(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        scan_acdc(tmp_path)


def test_layouts_are_chosen_by_name(tmp_path):
    write_patients(tmp_path, 2)
    assert scan(tmp_path, "acdc") == scan_acdc(tmp_path)
    with pytest.raises(
        DataError, match="unknown layout 'dicom'; known layouts are auto, acdc, bids, brats, datalist, folders, msd"
    ):
        scan(tmp_path, "dicom")

"""Images to predict: every one of them, none of the labels, each under a name of its own."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.data import find_images


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def names_in(root: Path) -> dict[str, str]:
    return {item["case"]: Path(item["image"]).relative_to(root).as_posix() for item in find_images(root)}


def test_images_are_found_in_sub_folders_compressed_or_not_and_sorted(tmp_path):
    touch(tmp_path, "b/two.nii", "a/one.nii.gz", "zero.nii.gz")
    assert names_in(tmp_path) == {"one": "a/one.nii.gz", "two": "b/two.nii", "zero": "zero.nii.gz"}
    assert list(names_in(tmp_path)) == ["one", "two", "zero"]


def test_labels_and_time_series_of_known_layouts_are_no_images(tmp_path):
    touch(tmp_path, "p/p_frame01.nii.gz", "p/p_frame01_gt.nii.gz", "p/p_4d.nii.gz")
    touch(tmp_path, "q/q_seg.nii.gz", "r/r-seg.nii.gz", "s/s_label.nii")
    assert list(names_in(tmp_path)) == ["p_frame01"]


def test_labels_of_a_decathlon_folder_are_no_images_though_they_are_called_like_them(tmp_path):
    touch(tmp_path, "imagesTr/one.nii.gz", "labelsTr/one.nii.gz", "imagesTs/two.nii.gz")
    assert list(names_in(tmp_path)) == ["one", "two"]
    assert [item["case"] for item in find_images(tmp_path / "labelsTr")] == ["one"]


def test_labels_that_monai_label_keeps_beside_the_studies_are_no_images(tmp_path):
    touch(tmp_path, "one.nii.gz", "labels/final/one.nii.gz", "labels/original/one.nii.gz")
    assert [item["case"] for item in find_images(tmp_path)] == ["one"]


def test_hidden_files_folders_and_other_files_are_no_images(tmp_path):
    touch(tmp_path, "._one.nii.gz", "one.nii.gz.part", "one.nii.json", "notes.txt", "one.nii.gz")
    (tmp_path / "folder.nii").mkdir()
    assert list(names_in(tmp_path)) == ["one"]


def test_files_of_one_name_are_named_after_their_folders_too(tmp_path):
    touch(tmp_path, "a/image.nii.gz", "b/c/image.nii.gz", "b/other.nii.gz")
    assert set(names_in(tmp_path)) == {"a__image", "b__c__image", "other"}


@pytest.mark.parametrize("names", [("one.nii", "one.nii.gz"), ("a/x.nii", "b/x.nii", "a__x.nii")])
def test_two_images_that_would_be_one_case_are_refused(tmp_path, names):
    """The second mask would overwrite the first."""
    touch(tmp_path, *names)
    with pytest.raises(DataError, match=r"would be the same case '\w+'"):
        find_images(tmp_path)


def test_one_file_may_be_named_whatever_it_is_called(tmp_path):
    touch(tmp_path, "patient_seg.nii.gz", "other.nii.gz")
    found = find_images(tmp_path / "patient_seg.nii.gz")
    assert found == [{"case": "patient_seg", "image": str(tmp_path / "patient_seg.nii.gz")}]


def test_paths_are_absolute(tmp_path, monkeypatch):
    touch(tmp_path, "data/one.nii.gz")
    monkeypatch.chdir(tmp_path)
    assert find_images("data")[0]["image"] == str(tmp_path / "data" / "one.nii.gz")


@pytest.mark.parametrize("make", [False, True], ids=["missing", "empty"])
def test_a_folder_without_images_is_refused_by_name(tmp_path, make):
    folder = tmp_path / "data"
    if make:
        touch(folder, "one_gt.nii.gz")
    with pytest.raises(DataError, match=rf"^{folder}: "):
        find_images(folder)


def test_masks_of_an_earlier_call_are_no_images(tmp_path):
    touch(tmp_path, "one.nii.gz", "out/predictions/one.nii.gz")
    assert [item["case"] for item in find_images(tmp_path, leave_out=tmp_path / "out")] == ["one"]


@pytest.mark.parametrize("folder", ["out", "out/images"])
def test_a_folder_that_is_named_is_searched_even_if_masks_go_there_too(tmp_path, folder):
    touch(tmp_path, "out/images/one.nii.gz")
    assert [item["case"] for item in find_images(tmp_path / folder, leave_out=tmp_path / "out")] == ["one"]


# ---- several modalities ----------------------------------------------------------------------------------------------

NAMES = ("flair", "t1", "t1ce", "t2")


def parts(root: Path, item: dict) -> list[str | None]:
    return [file and Path(file).relative_to(root).as_posix() for file in item["image"]]


def test_modalities_of_both_namings_are_grouped_and_missing_ones_are_none(tmp_path):
    touch(tmp_path, "x/a_flair.nii.gz", "x/a_t1ce.nii.gz", "x/a_seg.nii.gz", "deep/er/b-t2f.nii", "deep/er/b-t2w.nii")
    a, b = find_images(tmp_path, modalities=NAMES)
    assert (a["case"], a["modalities"]) == ("a", ["flair", "t1ce"])
    assert parts(tmp_path, a) == ["x/a_flair.nii.gz", None, "x/a_t1ce.nii.gz", None]
    assert parts(tmp_path, b) == ["deep/er/b-t2f.nii", None, None, "deep/er/b-t2w.nii"]


def test_only_the_wanted_modalities_are_used(tmp_path):
    touch(tmp_path, "a_flair.nii", "a_t1.nii", "a_t2.nii")
    (a,) = find_images(tmp_path, modalities=NAMES, use=["t2", "flair"])
    assert (parts(tmp_path, a), a["modalities"]) == (["a_flair.nii", None, None, "a_t2.nii"], ["flair", "t2"])
    with pytest.raises(DataError, match="case 'a' has flair, t1, t2, and none of t1ce"):
        find_images(tmp_path, modalities=NAMES, use=["t1ce"])
    with pytest.raises(DataError, match="'t3' is no modality; known are flair, t1, t1ce, t2"):
        find_images(tmp_path, modalities=NAMES, use=["t3"])


def volume(path: Path, *shape: int) -> Path:
    nib.save(nib.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)), path)
    return path


def test_a_4d_file_is_a_case_by_itself(tmp_path):
    file = volume(tmp_path / "a.nii.gz", 3, 3, 3, 4)
    assert find_images(tmp_path, modalities=NAMES) == [{"case": "a", "image": str(file), "modalities": list(NAMES)}]
    touch(tmp_path, "a_t1.nii.gz")
    with pytest.raises(DataError, match="would be the same case 'a'"):
        find_images(tmp_path, modalities=NAMES)


@pytest.mark.parametrize(("shape", "says"), [((3, 3, 3), "its name gives no modality"), ((3, 3, 3, 2), "2 channels")])
def test_a_file_of_unknown_channels_is_refused_with_what_is_needed(tmp_path, shape, says):
    file = volume(tmp_path / "scan.nii.gz", *shape)
    with pytest.raises(DataError, match=rf"^{file}: .*{says}; needed are files named ID_flair .* 4 channels"):
        find_images(tmp_path, modalities=NAMES)


def test_one_modality_found_twice_is_refused(tmp_path):
    touch(tmp_path, "x/a_t1.nii.gz", "y/a_t1.nii.gz")
    with pytest.raises(DataError, match="would be the same case 'a'"):
        find_images(tmp_path, modalities=NAMES)


# ---- folders as people have them -------------------------------------------------------------------------------------


def test_links_are_followed_once_and_loops_end(tmp_path):
    touch(tmp_path, "D/one.nii.gz", "elsewhere/two.nii.gz")
    (tmp_path / "D" / "again").symlink_to(tmp_path / "D")
    (tmp_path / "D" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "D" / "a_copy.nii.gz").symlink_to(tmp_path / "D" / "one.nii.gz")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "D")
    assert names_in(tmp_path / "D") == {"one": "one.nii.gz", "two": "more/two.nii.gz"}


def test_a_link_to_nothing_is_passed_over_by_name(tmp_path, caplog):
    touch(tmp_path, "one.nii.gz")
    (tmp_path / "gone.nii.gz").symlink_to(tmp_path / "nowhere.nii.gz")
    with caplog.at_level("INFO"):
        assert list(names_in(tmp_path)) == ["one"]
    assert "1 file is passed over: gone.nii.gz" in caplog.text


def test_what_is_passed_over_is_counted_and_named_in_one_line(tmp_path, caplog):
    touch(tmp_path, "one.nii.gz", "one_gt.nii.gz", "notes.txt", "sub/a.png", ".hidden")
    with caplog.at_level("INFO"):
        find_images(tmp_path)
    (line,) = (record.getMessage() for record in caplog.records)
    assert line == f"{tmp_path}: 3 files are passed over: notes.txt, one_gt.nii.gz, sub/a.png"


def test_a_folder_of_other_files_is_refused_with_what_is_there(tmp_path):
    touch(tmp_path, "a.hdr", "a.img")
    with pytest.raises(DataError, match=rf"^{tmp_path}: holds no image .*2 files are passed over: a\.hdr, a\.img"):
        find_images(tmp_path)


def test_what_a_prediction_wrote_is_no_image(tmp_path):
    touch(tmp_path, "one.nii.gz", "out/one.nii.gz", "out/two.nii.gz", "out/three_probabilities.nrrd")
    (tmp_path / "out" / "prediction.json").write_text('{"files": ["one.nii.gz"]}')
    assert names_in(tmp_path) == {"one": "one.nii.gz", "two": "out/two.nii.gz"}


@pytest.mark.parametrize("content", ["", "[]", '{"files": 3}', '{"files": [3]}'])
def test_a_record_of_something_else_does_not_matter(tmp_path, content):
    touch(tmp_path, "one.nii.gz")
    (tmp_path / "prediction.json").write_text(content)
    assert list(names_in(tmp_path)) == ["one"]


def test_a_folder_of_one_modality_per_file_and_counted_channels_are_cases(tmp_path):
    touch(tmp_path, "p1/flair.nii.gz", "p1/t1.nii.gz", "p2_0000.nii.gz", "p2_0003.nii.gz")
    one, other = find_images(tmp_path, modalities=NAMES)
    assert (one["case"], one["modalities"]) == ("p1", ["flair", "t1"])
    assert (other["case"], other["modalities"]) == ("p2", ["flair", "t2"])


def test_every_format_and_dicom_series_below_one_root_are_images(tmp_path):
    touch(tmp_path, "a.nrrd", "b.MHA", "c.Nii.GZ", "d.mgz")
    for name in ("p1/T1", "p2/T1", "p2/T2"):
        touch(tmp_path, f"{name}/report.txt")
        for slice_ in ("1", "2.dcm"):
            (tmp_path / name / slice_).write_bytes(bytes(128) + b"DICM")
    found = {item["case"]: item["image"] for item in find_images(tmp_path)}
    assert list(found) == ["a", "b", "c", "d", "p1__T1", "p2__T1", "T2"]
    assert found["T2"] == str(tmp_path / "p2" / "T2")
    assert [item["case"] for item in find_images(tmp_path / "p2" / "T2")] == ["T2"]

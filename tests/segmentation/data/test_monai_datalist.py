"""MONAI's and Auto3DSeg's datalists: sides that the list names are kept, and nothing is dropped in silence."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from laid_out import SCANS, touch, volume, write_json

from cladeseg.files import DataError
from cladeseg.segmentation.data import build_datalist, channel_names, scan, scan_with_channels
from cladeseg.segmentation.data.monai_datalist import scan_datalist
from cladeseg.taxonomy import Taxonomy


def listed(root: Path, training: Any, **more: Any) -> Path:
    touch(root, "a.nii.gz", "b.nii.gz", "a_label.nii.gz", "x/a.nii.gz", "p1_t1.nii.gz", "p1_t2.nii.gz")
    return write_json(root, "folds.json", {"training": training, **more})


def test_windows_paths_are_read(tmp_path: Path) -> None:
    (case,) = scan(listed(tmp_path, [{"image": ".\\x\\a.nii.gz", "label": "a_label.nii.gz"}]), "datalist")
    assert (case["image"], case["label"]) == ("x/a.nii.gz", "a_label.nii.gz")


def test_images_of_one_name_are_called_after_their_folders(tmp_path: Path) -> None:
    cases = scan(listed(tmp_path, [{"image": "a.nii.gz"}, {"image": "x/a.nii.gz"}, {"image": "b.nii.gz"}]), "datalist")
    assert [case["case"] for case in cases] == ["a", "b", "x__a"]


def test_an_entry_without_label_is_a_case_without_one(tmp_path: Path) -> None:
    (case,) = scan(listed(tmp_path, [{"image": "a.nii.gz", "label": None}]), "datalist")
    assert case["missing_label"] == "folds.json: training[0]: label"


def test_channels_are_called_as_the_files_end(tmp_path: Path) -> None:
    root = listed(tmp_path, [{"image": ["p1_t1.nii.gz", "p1_t2.nii.gz"]}])
    (case,) = scan_with_channels(root, "datalist")
    assert (case["case"], channel_names([case])) == ("p1", ("t1", "t2"))


def test_each_key_that_is_not_used_is_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    entries = [{"image": f"{name}.nii.gz", "fold": i, "site": "x"} for i, name in enumerate("ab")]
    with caplog.at_level(logging.INFO):
        scan(listed(tmp_path, entries, numFold=2, name="hearts"), "datalist")
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3
    assert any("'fold' (2 times) is not used: the split is drawn over patients by the seed" in line for line in lines)
    assert any("'site' (2 times) is not used" in line for line in lines)
    assert any("'numFold' (1 times) is not used" in line for line in lines)


def test_sides_that_the_list_names_are_kept(tmp_path: Path, flat_tree: Taxonomy) -> None:
    entries = []
    for i, scan_name in enumerate([*SCANS, "p5", "p6"]):
        volume(tmp_path / f"{scan_name}.nii.gz", i)
        volume(tmp_path / f"{scan_name}_label.nii.gz", 50 + i, label=True)
        entries.append({"image": f"{scan_name}.nii.gz", "label": f"{scan_name}_label.nii.gz"})
    write_json(tmp_path, "x.json", {"training": entries[:4], "validation": entries[4:5], "testing": entries[5:]})
    for seed in range(3):
        built = build_datalist(
            tmp_path, flat_tree, label_convention="auto", validation_supervision="fine", seed=seed, progress=False
        )
        found = {part: [case["case"] for case in built[part]] for part in ("training", "validation", "test")}
        assert found == {"training": ["p1a", "p1b", "p2", "p3"], "validation": ["p4"], "test": ["p5", "p6"]}
    assert all("part" not in case for case in built["test"])


def test_cases_that_cannot_be_scored_are_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        cases = scan(listed(tmp_path, [{"image": "a.nii.gz"}], testing=["b.nii.gz"]), "datalist")
    assert [case["case"] for case in cases] == ["a"]
    assert "1 files are left out, they have no label to score: testing[0]" in caplog.text


def test_a_patient_on_two_sides_is_refused(tmp_path: Path) -> None:
    entries = [{"image": f"{name}.nii.gz", "label": "a_label.nii.gz", "patient": 7} for name in "ab"]
    with pytest.raises(DataError, match="patient '7' is listed for training and for test"):
        scan(listed(tmp_path, entries[:1], test=entries[1:]), "datalist")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"image": "../a.nii.gz"}, "image '../a.nii.gz' leaves the folder"),
        ({"image": "..\\a.nii.gz"}, "leaves the folder"),
        ({"image": "/a.nii.gz"}, "leaves the folder"),
        ({"image": "C:\\a.nii.gz"}, "leaves the folder"),
        ({"image": "a.nii.gz", "label": "x/../../a.nii.gz"}, "label 'x/../../a.nii.gz' leaves the folder"),
        ({"image": "c.nii.gz"}, r"c\.nii\.gz: missing; .*training\[0\] lists it"),
        ({"image": ["a.nii.gz", "a.nii.gz"]}, "names one file twice"),
        ({"image": ["a.nii.gz", None]}, "needs a text 'image'"),
        ({"image": []}, "needs a text 'image'"),
        ({"image": "a.nii.gz\0"}, "names no file"),
        ({"image": " "}, "names no file"),
        ({"image": "a" * 5000}, "missing"),
        ({"image": "a.nii.gz", "label": ["a_label.nii.gz"]}, "'label' is a path, not a list"),
        ({"image": "a.nii.gz", "case": "../../a"}, "case '../../a' is no name"),
        ({"image": "a.nii.gz", "patient": ["p"]}, "'patient' is a name, not a list"),
        ("a.nii.gz", "needs a text 'image'"),
        (None, "needs a text 'image'"),
    ],
)
def test_an_impossible_entry_is_refused_by_file_and_key(tmp_path: Path, entry: Any, says: str) -> None:
    root = listed(tmp_path, [entry, {"image": "b.nii.gz"}])
    with pytest.raises(DataError, match=says) as caught:
        scan(root, "datalist")
    assert "\n" not in str(caught.value)
    assert "folds.json" in str(caught.value)


def test_one_image_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"training\[1\]: a second case 'a'"):
        scan(listed(tmp_path, [{"image": "a.nii.gz"}, {"image": "./a.nii.gz"}]), "datalist")


def test_two_lists_are_refused(tmp_path: Path) -> None:
    root = listed(tmp_path, [{"image": "a.nii.gz"}])
    write_json(root, "other.json", {"training": [{"image": "b.nii.gz"}]})
    with pytest.raises(DataError, match=r"both folds\.json and other\.json list cases"):
        scan_datalist(root)

"""BraTS folders of both namings, with one defect of each kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_acdc import AFFINE, SHAPE, image, save

from cladeseg.files import DataError
from cladeseg.segmentation.data import (
    build_datalist,
    cases_of,
    detect_label_convention,
    open_or_build_datalist,
    scan_brats,
)
from cladeseg.segmentation.data.integrity import inspect_case, inspect_cases, inspect_images
from cladeseg.taxonomy import Taxonomy

OLD, NEW = ("_flair", "_t1", "_t1ce", "_t2", "_seg"), ("-t2f", "-t1n", "-t1c", "-t2w", "-seg")


def touch(root: Path, case: str, endings: tuple[str, ...] = OLD, suffix: str = ".nii.gz") -> Path:
    folder = root / case
    folder.mkdir(parents=True, exist_ok=True)
    for ending in endings:
        (folder / f"{folder.name}{ending}{suffix}").touch()
    return folder


def write_case(root: Path, case: str, endings: tuple[str, ...] = OLD, enhancing: int = 4, seed: int = 0) -> Path:
    for i, ending in enumerate(endings[:4]):
        save(image(10 * seed + i), root / case / f"{case}{ending}.nii.gz")
    label = np.zeros(SHAPE, np.uint8)
    label[1], label[2], label[3] = 1, 2, enhancing
    save(label, root / case / f"{case}{endings[4]}.nii.gz")
    return root / case


def test_channels_have_one_order_under_both_namings(tmp_path):
    touch(tmp_path, "BraTS-GLI-00002-001", NEW, ".nii")
    touch(tmp_path, "Brats18_b_1")
    (tmp_path / "notes").mkdir()
    new, old = scan_brats(tmp_path)
    assert new == {
        "case": "BraTS-GLI-00002-001",
        "patient": "BraTS-GLI-00002",
        "group": "unknown",
        "image": [f"BraTS-GLI-00002-001/BraTS-GLI-00002-001{e}.nii" for e in NEW[:4]],
        "channels": ["flair", "t1", "t1ce", "t2"],
        "label": "BraTS-GLI-00002-001/BraTS-GLI-00002-001-seg.nii",
    }
    assert old["image"] == [f"Brats18_b_1/Brats18_b_1{e}.nii.gz" for e in OLD[:4]]
    assert old["patient"] == "Brats18_b_1"


def test_the_grade_folder_is_the_group_and_a_missing_label_has_a_place(tmp_path):
    touch(tmp_path, "HGG/b", OLD[:4])
    touch(tmp_path, "LGG/a")
    low, high = scan_brats(tmp_path)
    assert (low["case"], low["group"], high["group"]) == ("a", "LGG", "HGG")
    assert high["missing_label"] == "HGG/b/b_seg.nii.gz"
    assert "label" not in high


def _two_years(root):
    touch(root, "a", NEW)


def _same_name(root):
    touch(root, "HGG/a")


def _foreign(root):
    (root / "a" / "z_t1.nii.gz").touch()


def _no_t1ce(root):
    (root / "a" / "a_t1ce.nii.gz").unlink()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (_two_years, "a: mixes the file names of two BraTS years"),
        (_same_name, "HGG/a: a second case 'a'"),
        (_foreign, "z_t1.nii.gz: belongs to a case 'z'"),
        (_no_t1ce, r"a/a_t1ce\.nii\.gz: missing"),
    ],
)
def test_a_broken_case_is_refused_by_name(tmp_path, fault, says):
    touch(tmp_path, "a")
    fault(tmp_path)
    with pytest.raises(DataError, match=says):
        scan_brats(tmp_path)


def test_a_folder_without_cases_says_what_was_looked_for(tmp_path):
    with pytest.raises(DataError, match=r"ID_\{flair,t1,t1ce,t2,seg\}.nii.gz and ID/ID-\{t2f,t1n,t1c,t2w,seg\}"):
        scan_brats(tmp_path)


@pytest.mark.parametrize(("endings", "label_convention"), [(OLD, "brats18"), (NEW, "brats23")])
def test_file_names_tell_the_label_convention_without_a_label(tmp_path, brats_tree, endings, label_convention):
    touch(tmp_path, "a", endings)  # empty files: opening one would fail
    assert detect_label_convention(scan_brats(tmp_path), tmp_path, brats_tree, "brats") == label_convention


def test_a_label_convention_that_cannot_be_detected_is_asked_for(tmp_path, brats_tree: Taxonomy, acdc_tree: Taxonomy):
    touch(tmp_path, "a")
    with pytest.raises(DataError, match=r"setting data\.label_convention .* \(brats18, brats23\)"):
        detect_label_convention([{"image": "a_flair.nii"}], tmp_path, brats_tree, "msd")
    assert detect_label_convention(scan_brats(tmp_path), tmp_path, acdc_tree, "brats") == "acdc"
    touch(tmp_path, "b", NEW)
    with pytest.raises(DataError, match="two BraTS years"):
        detect_label_convention(scan_brats(tmp_path), tmp_path, brats_tree, "brats")


def test_a_list_of_channels_is_built_stored_and_opened_with_the_label_convention_by_name(tmp_path, brats_tree):
    data, file = tmp_path / "data", tmp_path / "datalist.json"
    for seed, name in enumerate("abcd"):
        write_case(data, name, NEW, enhancing=3, seed=seed)
    settings = {"label_convention": "auto", "layout": "brats", "progress": False, "validation_fraction": 0.25}
    built = open_or_build_datalist(file, data, brats_tree, **settings)
    assert built["label_convention"] == "brats23"
    assert open_or_build_datalist(file, data, brats_tree, **settings) == built
    (case,) = cases_of(built, "test", data)
    assert case["image"] == [str(data / path) for path in built["test"][0]["image"]]
    save(image(99), Path(case["image"][2]))
    with pytest.raises(DataError, match="not the image that the datalist was made of"):
        open_or_build_datalist(file, data, brats_tree, **settings)


@pytest.mark.parametrize(
    ("values", "hint"), [((0, 1, 2, 3), "fit the label convention 'brats23'"), ((0, 1, 2, 3, 4), None)]
)
def test_values_of_another_year_are_refused(tmp_path, brats_tree, values, hint):
    folder = write_case(tmp_path, "a")
    label = np.resize(np.array(values, np.uint8), SHAPE)
    save(label, folder / "a_seg.nii.gz")
    (found,) = inspect_cases(scan_brats(tmp_path), tmp_path, brats_tree, "brats18")
    (fatal,) = found.found("fatal")
    assert "value 3 (" in fatal.message
    assert (
        (hint or "fit the label convention") in fatal.message
        if hint
        else "fit the label convention" not in fatal.message
    )


def test_every_channel_is_checked_and_its_file_named(tmp_path, brats_tree):
    folder = write_case(tmp_path, "a")
    save(np.full(SHAPE, 7, np.int16), folder / "a_t1.nii.gz")
    save(image()[1:], folder / "a_t1ce.nii.gz")
    moved = AFFINE.copy()
    moved[0, 3] += 0.25
    save(image(3), folder / "a_t2.nii.gz", moved)
    found = inspect_case(scan_brats(tmp_path)[0], tmp_path, brats_tree, "brats18")
    assert [(Path(f.path).name, f.severity) for f in found.findings] == [
        ("a_t1.nii.gz", "fatal"),
        ("a_t1ce.nii.gz", "fatal"),
        ("a_t2.nii.gz", "fixable"),
    ]
    assert "channel 1: every voxel is 7" in found.findings[0].message
    assert "is not a_flair.nii.gz's" in found.findings[1].message
    assert "0.250 mm" in found.findings[2].message


def test_a_4d_file_is_the_same_image_as_its_channels(tmp_path, brats_tree):
    write_case(tmp_path, "a")
    stack = save(np.stack([image(i) for i in range(4)], -1), tmp_path / "a.nii.gz")
    names = ("flair", "t1", "t1ce", "t2")
    listed = inspect_case(scan_brats(tmp_path)[0], tmp_path, brats_tree, "brats18")
    (one,) = inspect_images([{"case": "a", "image": str(stack)}], modalities=names)
    assert (one.findings, one.shape, one.sha1) == ((), SHAPE, listed.sha1)
    (three,) = inspect_images([{"case": "a", "image": str(stack)}], channels=3)
    assert "3 channels are needed" in three.findings[0].message


def test_a_channel_that_is_not_used_may_hold_anything(tmp_path):
    voxels = np.stack([image(0), np.zeros(SHAPE, np.int16)], -1)
    case = {"case": "a", "image": str(save(voxels, tmp_path / "a.nii.gz"))}
    assert inspect_images([{**case, "modalities": ["flair"]}], modalities=("flair", "t1"))[0].findings == ()
    (fatal,) = inspect_images([case], modalities=("flair", "t1"))[0].findings
    assert "channel 1: every voxel is 0" in fatal.message


def test_a_case_of_another_number_of_channels_is_refused_by_name(tmp_path, brats_tree):
    for name in "ab":
        write_case(tmp_path, name)
    odd = save(image(), tmp_path / "c.nii.gz")
    cases = [*scan_brats(tmp_path), {"case": "c", "image": "c.nii.gz"}]
    found = inspect_cases(cases, tmp_path, brats_tree, "brats18")
    assert [f.path for one in found for f in one.findings] == [str(odd)]


def test_the_same_file_as_another_channel_is_another_image(tmp_path):
    file = str(save(image(), tmp_path / "a.nii.gz"))
    one, other = inspect_images([{"case": "a", "image": [file, None]}, {"case": "b", "image": [None, file]}])
    assert one.findings == ()
    assert one.sha1 != other.sha1


def test_building_refuses_a_label_of_the_other_year(tmp_path, brats_tree):
    for seed, name in enumerate("abcd"):
        write_case(tmp_path, name, OLD, enhancing=3, seed=seed)
    with pytest.raises(DataError, match="'brats23'"):
        build_datalist(tmp_path, brats_tree, label_convention="auto", layout="brats", progress=False)

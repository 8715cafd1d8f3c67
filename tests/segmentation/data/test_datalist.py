from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from tiny_acdc import before_reading, image, save, truncate, write_patient, write_patients

from cladeseg.cohort.fingerprint import fingerprint
from cladeseg.files import DataError
from cladeseg.segmentation.data import datalist as datalist_module
from cladeseg.segmentation.data.datalist import (
    build_datalist,
    cases_of,
    load_datalist,
    open_or_build_datalist,
    store_datalist,
)
from cladeseg.taxonomy import TaxonomyError

PARTS = ("training", "validation", "test")
REAL = Path(os.environ.get("CLADESEG_DATA", Path(__file__).parents[4] / "shared" / "data")) / "acdc"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_patients(tmp_path_factory.mktemp("acdc"), 12)


@pytest.fixture
def own(folder, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(folder, tmp_path / "acdc")


def _build(root, tree, **settings):
    return build_datalist(root, tree, **{"label_convention": "acdc", "fine_patients": 2, "progress": False, **settings})


def _patients(datalist, part, supervision=None):
    return {case["patient"] for case in datalist[part] if supervision in (None, case["supervision"])}


def _label_of(root, datalist, part, supervision):
    """The label file of some case of that supervision, whether or not the list names it."""
    case = next(case for case in datalist[part] if case["supervision"] == supervision)
    return root / case["image"].replace(".nii.gz", "_gt.nii.gz")


def test_every_case_says_what_its_label_may_tell(folder, acdc_tree):
    built = _build(folder, acdc_tree, coarse_patients=3)
    assert [len(_patients(built, part)) for part in PARTS] == [9, 1, 2]
    assert [len(_patients(built, "training", kind)) for kind in ("fine", "heart", "unlabelled")] == [2, 3, 4]
    assert {case["supervision"] for case in built["validation"]} == {"heart"}
    assert {case["supervision"] for case in built["test"]} == {"fine"}
    for case in (case for part in PARTS for case in built[part]):
        assert ("label" in case) == (case["supervision"] != "unlabelled")
        assert not {"missing_label"} & case.keys()


def test_by_default_everyone_is_fine_and_with_a_budget_the_others_are_coarse(folder, acdc_tree):
    assert len(_patients(_build(folder, acdc_tree, fine_patients="all"), "training", "fine")) == 9
    assert len(_patients(_build(folder, acdc_tree), "training", "heart")) == 7
    assert len(_patients(_build(folder, acdc_tree, fine_patients=0), "training", "heart")) == 9


def test_superclass_and_validation_supervision_can_be_chosen(folder, acdc_tree):
    built = _build(folder, acdc_tree, superclass="left_heart+right_ventricle", validation_supervision="fine")
    assert len(_patients(built, "training", "left_heart+right_ventricle")) == 7
    assert {case["supervision"] for case in built["validation"]} == {"fine"}


def test_the_split_does_not_depend_on_the_budget_and_budgets_are_nested(folder, acdc_tree):
    small = _build(folder, acdc_tree, fine_patients=1, coarse_patients=2)
    large = _build(folder, acdc_tree, fine_patients=4)
    for part in PARTS:
        assert _patients(small, part) == _patients(large, part)
    assert _patients(small, "training", "fine") < _patients(large, "training", "fine")


def test_another_draw_labels_other_patients_of_the_same_split(folder, acdc_tree):
    drawn = [_build(folder, acdc_tree, draw=draw) for draw in range(4)]
    for part in PARTS:
        assert len({frozenset(_patients(one, part)) for one in drawn}) == 1
    assert len({frozenset(_patients(one, "training", "fine")) for one in drawn}) > 1
    assert [one["draw"] for one in drawn] == [0, 1, 2, 3]
    assert drawn[0] == _build(folder, acdc_tree)


def test_a_list_is_reproducible_and_survives_json(folder, acdc_tree):
    built = _build(folder, acdc_tree, workers=1)
    assert built == _build(folder, acdc_tree, workers=4)
    assert built == json.loads(json.dumps(built))
    assert built != _build(folder, acdc_tree, seed=1)
    assert built["format"] == 1
    assert built["superclass"] == "heart"


def test_no_label_file_of_an_unlabelled_case_is_ever_opened(own, acdc_tree, monkeypatch):
    plan = _build(own, acdc_tree, coarse_patients=1)
    hidden = {case["case"] for case in plan["training"] if case["supervision"] == "unlabelled"}
    for name in hidden:
        (own / name[:10] / f"{name}_gt.nii.gz").write_bytes(b"broken")
    opened = []
    before_reading(monkeypatch, lambda path: opened.append(path.name))
    assert _build(own, acdc_tree, coarse_patients=1) == plan
    labels = {name.removesuffix("_gt.nii.gz") for name in opened if "_gt" in name}
    assert len(hidden) == 12
    assert len(labels) == 12
    assert not labels & hidden


def test_patients_that_share_a_scan_stay_on_one_side(own, acdc_tree, caplog):
    write_patient(own, 74, "RV", seed=1)  # the scan of patient001 again
    write_patient(own, 76, "DCM", seed=1)
    for seed in range(8):
        built = _build(own, acdc_tree, seed=seed, test_fraction=0.4)
        assert built["together"] == [["patient001", "patient074", "patient076"]]
        sides = [part for part in PARTS if {"patient001", "patient074", "patient076"} & _patients(built, part)]
        assert len(sides) == 1
    assert "patient001, patient074, patient076 share an identical image" in caplog.text


def test_a_broken_file_stops_the_build_and_all_of_them_are_named(own, acdc_tree):
    plan = _build(own, acdc_tree)
    labels = [_label_of(own, plan, *where) for where in (("training", "fine"), ("training", "heart"), ("test", "fine"))]
    broken = own / plan["validation"][0]["image"]
    for file in (*labels, broken):
        truncate(file)
    with pytest.raises(DataError) as error:
        _build(own, acdc_tree)
    assert {line.split(": ")[0] for line in str(error.value).splitlines()} == {str(file) for file in (*labels, broken)}


@pytest.mark.parametrize(
    "where", [("training", "fine"), ("training", "heart"), ("validation", "heart"), ("test", "fine")]
)
def test_a_missing_label_is_refused_with_the_file_and_the_option(own, acdc_tree, where):
    label = _label_of(own, _build(own, acdc_tree), *where)
    label.unlink()
    with pytest.raises(DataError, match="allow_missing_labels") as error:
        _build(own, acdc_tree)
    assert str(error.value).startswith(str(label))


def test_a_missing_label_of_an_unlabelled_case_is_nobodys_business(own, acdc_tree):
    plan = _build(own, acdc_tree, coarse_patients=1)
    _label_of(own, plan, "training", "unlabelled").unlink()
    assert _build(own, acdc_tree, coarse_patients=1) == plan


def test_allowed_missing_labels_make_training_cases_unlabelled_and_shrink_the_other_parts(own, acdc_tree, caplog):
    plan = _build(own, acdc_tree)
    fine = next(case["patient"] for case in plan["training"] if case["supervision"] == "fine")
    for file in (own / fine).glob("*_gt.nii.gz"):
        file.unlink()
    dropped = _label_of(own, plan, "test", "fine")
    dropped.unlink()
    built = _build(own, acdc_tree, allow_missing_labels=True)
    assert len(_patients(built, "training", "fine")) == 2  # the budget is met by patients that have labels
    assert _patients(built, "training", "unlabelled") == {fine}
    assert len(built["test"]) == len(plan["test"]) - 1
    assert f"{dropped.name.removesuffix('_gt.nii.gz')}: left out of test" in caplog.text


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"fine_patients": 10}, "10 patients asked for, 9"),
        ({"fine_patients": 5, "coarse_patients": 5}, "10 patients asked for, 9"),
        ({"fine_patients": -1}, "fine_patients: -1"),
        ({"draw": -1}, "draw: -1 is not a whole number"),
        ({"draw": 1.5}, "draw: 1.5 is not a whole number"),
        ({"superclass": "unlabelled"}, "superclass: 'unlabelled'"),
        ({"validation_supervision": "unlabelled"}, "validation_supervision: 'unlabelled'"),
        ({"layout": "dicom"}, "unknown layout 'dicom'"),
    ],
)
def test_settings_that_cannot_be_met_are_refused(folder, acdc_tree, settings, says):
    with pytest.raises(DataError, match=says):
        _build(folder, acdc_tree, **settings)


def test_unknown_names_of_the_tree_are_refused_before_anything_is_read(acdc_tree):
    with pytest.raises(TaxonomyError, match="no node 'hart'"):
        _build("nowhere", acdc_tree, superclass="hart")


def test_a_tree_without_superclasses_cannot_validate_on_them(folder, flat_tree):
    with pytest.raises(DataError, match="no superclass"):
        _build(folder, flat_tree, label_convention="flat")


def test_a_stored_list_comes_back_and_is_never_overwritten(folder, acdc_tree, tmp_path):
    file = tmp_path / "run" / "datalist.json"
    built = _build(folder, acdc_tree)
    store_datalist(built, file)
    store_datalist(built, file)
    before = file.read_bytes()
    assert load_datalist(file, acdc_tree) == built
    with pytest.raises(DataError, match=r"made with seed = 0 instead of 1; choose another output_dir") as error:
        store_datalist(_build(folder, acdc_tree, seed=1), file)
    assert str(error.value).startswith(str(file))
    with pytest.raises(DataError, match="other cases in test"):
        store_datalist({**built, "test": built["test"][1:]}, file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["datalist.json"]


def test_an_interrupted_write_leaves_no_list(folder, acdc_tree, tmp_path, monkeypatch):
    def fail(self, target):
        raise OSError("no space left")

    monkeypatch.setattr(datalist_module.Path, "replace", fail)
    with pytest.raises(DataError, match=r"datalist\.json: cannot be written .no space"):
        store_datalist(_build(folder, acdc_tree), tmp_path / "datalist.json")
    assert list(tmp_path.glob("*.json")) == []


def _leak(content):
    content["test"].append({**content["training"][0], "case": "another"})


def _repeat(content):
    content["training"].append(content["training"][0])


def _forget_key(content):
    del content["training"][1]["image"]


def _unknown_supervision(content):
    content["training"][0]["supervision"] = "hart"


def _forget_part(content):
    del content["validation"]


def _forget_label(content):
    del content["test"][0]["label"]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_leak, r"patient '\w+' is in training and in test"),
        (_repeat, r"case '\w+' is listed twice"),
        (_forget_key, r"training\[1\]: needs an 'image'"),
        (_unknown_supervision, "supervision 'hart'"),
        (_forget_part, "needs a list 'validation'"),
        (_forget_label, r"test\[0\]: supervision 'fine' needs a 'label'"),
        (lambda content: content["test"][0].update(case="../mask"), r"test\[0\]: case '../mask' is no name"),
        (lambda content: content["test"][0].update(image="../../a.nii"), r"test\[0\]: image '../../a.nii' leaves"),
        (lambda content: content["test"][0].update(label="/a.nii"), r"test\[0\]: label '/a.nii' leaves"),
        (lambda content: content.update(format=9), "no datalist of format 1"),
    ],
)
def test_a_damaged_list_is_refused(folder, acdc_tree, tmp_path, damage, says):
    content = _build(folder, acdc_tree)
    damage(content)
    file = tmp_path / "datalist.json"
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match=says) as error:
        load_datalist(file, acdc_tree)
    assert str(error.value).startswith(str(file))


def test_a_file_that_is_no_json_is_refused(tmp_path):
    (tmp_path / "datalist.json").write_text("{")
    with pytest.raises(DataError, match=r"datalist\.json: cannot be read"):
        load_datalist(tmp_path / "datalist.json")


def _open(file, root, tree, **settings):
    return open_or_build_datalist(
        file,
        root,
        tree,
        progress=False,
        **{"label_convention": "acdc", "fine_patients": 2, "coarse_patients": 3, **settings},
    )


def test_opening_builds_once_and_then_returns_the_stored_list(own, acdc_tree, tmp_path):
    file = tmp_path / "datalist.json"
    built = _open(file, own, acdc_tree)
    write_patient(own, 99)  # a newcomer does not move anyone
    assert _open(file, own, acdc_tree) == built
    assert _open(file, own, acdc_tree, superclass="heart") == built  # the default, written out


@pytest.mark.parametrize(
    ("setting", "value"),
    [("fine_patients", 3), ("seed", 5), ("superclass", "left_heart"), ("test_fraction", 0.3)],
)
def test_opening_with_another_setting_names_it(own, acdc_tree, tmp_path, setting, value):
    file = tmp_path / "datalist.json"
    _open(file, own, acdc_tree)
    with pytest.raises(DataError, match=f"made with {setting} = .* instead of {value!r}; choose another output_dir"):
        _open(file, own, acdc_tree, **{setting: value})


def test_opening_checks_the_files_again_but_not_the_hidden_labels(own, acdc_tree, tmp_path):
    file = tmp_path / "datalist.json"
    built = _open(file, own, acdc_tree)
    truncate(_label_of(own, built, "training", "unlabelled"))
    _open(file, own, acdc_tree)
    fine = _label_of(own, built, "training", "fine")
    truncate(fine)
    with pytest.raises(DataError, match="cannot be read") as error:
        _open(file, own, acdc_tree)
    assert str(error.value).startswith(str(fine))


def test_opening_for_a_folder_without_the_files_names_them(own, acdc_tree, tmp_path):
    file = tmp_path / "datalist.json"
    built = _open(file, own, acdc_tree)
    (own / built["test"][0]["image"]).unlink()
    with pytest.raises(DataError, match="no such file"):
        _open(file, own, acdc_tree)


def test_opening_for_a_folder_with_other_images_is_refused(own, acdc_tree, tmp_path):
    file = tmp_path / "datalist.json"
    built = _open(file, own, acdc_tree)
    changed = own / built["validation"][0]["image"]
    save(image(12345), changed)
    with pytest.raises(DataError, match="not the image that the datalist was made of") as error:
        _open(file, own, acdc_tree)
    assert str(error.value).startswith(str(changed))


def test_opening_for_a_folder_with_other_labels_is_refused(own, acdc_tree, tmp_path):
    file = tmp_path / "datalist.json"
    built = _open(file, own, acdc_tree)
    for part, supervision in (("training", "fine"), ("training", "heart"), ("test", "fine")):
        path = _label_of(own, built, part, supervision)
        volume = nib.load(path)
        voxels = np.asanyarray(volume.dataobj).copy()
        before = path.read_bytes()
        voxels.flat[0] = 1 - voxels.flat[0]
        nib.save(nib.Nifti1Image(voxels, volume.affine), path)
        with pytest.raises(DataError, match=rf"^{path}: not the label that the datalist was made of"):
            _open(file, own, acdc_tree)
        path.write_bytes(before)
    _open(file, own, acdc_tree)


def test_labels_that_are_opened_are_hashed_and_no_others(own, acdc_tree, tmp_path):
    built = _open(tmp_path / "datalist.json", own, acdc_tree)
    cases = [case for part in PARTS for case in built[part]]
    assert {case["supervision"] == "unlabelled" for case in cases} == {True, False}
    assert all(("label_sha1" in case) == (case["supervision"] != "unlabelled") for case in cases)


def test_the_type_of_a_label_file_does_not_count(own, acdc_tree, tmp_path):
    file = tmp_path / "datalist.json"
    path = _label_of(own, _open(file, own, acdc_tree), "training", "fine")
    volume = nib.load(path)
    nib.save(nib.Nifti1Image(np.asanyarray(volume.dataobj).astype(np.float32) + 1e-4, volume.affine), path)
    _open(file, own, acdc_tree)


def test_cases_come_with_absolute_paths_and_no_hidden_label(folder, acdc_tree):
    built = _build(folder, acdc_tree, coarse_patients=1)
    assert len(cases_of(built, "all", folder)) == 24
    for part in PARTS:
        for stored, case in zip(built[part], cases_of(built, part, folder), strict=True):
            assert case["image"] == str(folder / stored["image"])
            assert Path(case.get("label", case["image"])).is_file()
    by_hand = {**built, "training": [{**built["training"][0], "label": "x.nii", "supervision": "unlabelled"}]}
    assert "label" not in cases_of(by_hand, "training", folder)[0]
    with pytest.raises(DataError, match="no part 'tests'"):
        cases_of(built, "tests", folder)


def test_a_fingerprint_depends_on_cases_voxels_and_supervision_only(folder, acdc_tree):
    cases = _build(folder, acdc_tree)["test"]
    absolute = cases_of(_build(folder, acdc_tree), "test", folder)
    assert fingerprint(cases) == fingerprint(list(reversed(absolute)))
    changes = ({"case": "x"}, {"sha1": "0"}, {"supervision": "heart"})
    others = {fingerprint([{**cases[0], **change}, *cases[1:]]) for change in changes}
    assert len(others | {fingerprint(cases), fingerprint(cases[1:])}) == 5


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is absent")
def test_the_real_acdc_is_sound_and_its_twice_annotated_scan_is_not_split(acdc_tree):
    built = _build(REAL, acdc_tree, fine_patients=3)
    cases = [case for part in PARTS for case in built[part]]
    assert len(cases) == 160
    assert len({case["patient"] for case in cases}) == 80
    assert len({case["sha1"] for case in cases}) < 160
    assert built["together"] == [["patient074", "patient076"]]
    assert sum({"patient074", "patient076"} <= _patients(built, part) for part in PARTS) == 1
    assert {case["group"] for case in built["test"]} == {"DCM", "HCM", "MINF", "NOR", "RV"}

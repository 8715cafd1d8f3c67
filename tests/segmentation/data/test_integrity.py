from __future__ import annotations

import threading
import time

import nibabel as nib
import numpy as np
import pytest
from tiny_acdc import AFFINE, SHAPE, before_reading, image, label, save, truncate, write_patients

from cladeseg.files import DataError
from cladeseg.segmentation.data.integrity import Finding, Inspection, inspect_case, inspect_cases, raise_if_fatal
from cladeseg.segmentation.data.layouts import scan
from cladeseg.taxonomy import TaxonomyError

CASE = {"case": "a", "image": "a.nii.gz", "label": "a_gt.nii.gz", "supervision": "fine"}


def _inspect(root, tree, **change):
    return inspect_case({**CASE, **change}, root, tree, "acdc")


@pytest.fixture
def folder(tmp_path):
    save(image(), tmp_path / "a.nii.gz")
    save(label(), tmp_path / "a_gt.nii.gz")
    return tmp_path


def test_a_sound_case_is_measured_and_has_no_finding(folder, acdc_tree):
    found = _inspect(folder, acdc_tree)
    assert found.findings == ()
    assert found.shape == SHAPE
    assert found.spacing == (1.5, 1.5, 8.0)
    counts = {acdc_tree.names[int(v)]: 0 for v in range(4)}
    for value, name in enumerate(["background", "right_ventricle", "myocardium", "left_ventricle"]):
        counts[name] = int((label() == value).sum())
    assert found.label_voxels == counts


def test_spacing_of_an_oblique_volume_comes_from_its_affine(folder, acdc_tree):
    turn = np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([1.2, 1.4, 9.0])
    save(image(), folder / "a.nii.gz", affine)
    save(label(), folder / "a_gt.nii.gz", affine)
    found = _inspect(folder, acdc_tree)
    assert found.findings == ()
    np.testing.assert_allclose(found.spacing, (1.2, 1.4, 9.0), rtol=1e-6)


def test_equal_voxels_have_equal_hashes_whatever_the_file_type(folder, acdc_tree):
    save(image().astype(np.float32), folder / "b.nii", AFFINE)
    save(image(1), folder / "c.nii.gz")
    save(image().reshape(SHAPE[1], SHAPE[0], SHAPE[2]), folder / "d.nii.gz")
    one, same, other, reshaped = (
        _inspect(folder, acdc_tree, image=name, supervision="unlabelled").sha1
        for name in ("a.nii.gz", "b.nii", "c.nii.gz", "d.nii.gz")
    )
    assert one == same
    assert len({one, other, reshaped}) == 3


def _cut_voxels(root):
    save(np.random.default_rng(0).integers(0, 500, (16, 16, 8)).astype(np.int16), root / "a.nii.gz")
    truncate(root / "a.nii.gz")


def _plant_nan(root):
    voxels = image().astype(np.float32)
    voxels[0, 0] = np.nan
    save(voxels, root / "a.nii.gz")


def _flatten_affine(root):
    save(image(), root / "a.nii")
    raw = bytearray((root / "a.nii").read_bytes())
    raw[284:288], raw[300:304] = raw[280:284], bytes(4)  # in srow_x and srow_y: the second voxel axis becomes the first
    (root / "a.nii").write_bytes(bytes(raw))


def _shift_label(mm):
    def plant(root):
        affine = AFFINE.copy()
        affine[0, 3] += mm
        save(label(), root / "a_gt.nii.gz", affine)

    return plant


def _plant_value(root):
    voxels = label()
    voxels[0, 0] = 9
    save(voxels, root / "a_gt.nii.gz")


@pytest.mark.parametrize(
    ("plant", "culprit", "says"),
    [
        (_cut_voxels, "a.nii.gz", "cannot be read (its gzip stream ends early"),
        (lambda root: (root / "a.nii.gz").write_bytes(b"no volume"), "a.nii.gz", "cannot be read"),
        (lambda root: (root / "a.nii.gz").unlink(), "a.nii.gz", "no such file"),
        (lambda root: save(np.stack([image()] * 2, -1), root / "a.nii.gz"), "a.nii.gz", "is 4D"),
        (_plant_nan, "a.nii.gz", "3 voxels are not finite"),
        (lambda root: save(np.full(SHAPE, 7, np.int16), root / "a.nii.gz"), "a.nii.gz", "every voxel is 7"),
        (lambda root: truncate(root / "a_gt.nii.gz"), "a_gt.nii.gz", "cannot be read"),
        (lambda root: save(label()[1:], root / "a_gt.nii.gz"), "a_gt.nii.gz", "shape (5, 5, 3) is not the image's"),
        (_shift_label(2.5), "a_gt.nii.gz", "2.50 mm"),
        (_plant_value, "a_gt.nii.gz", "value 9 (3 voxels)"),
        (lambda root: (root / "a_gt.nii.gz").unlink(), "a_gt.nii.gz", "declared 'fine'"),
    ],
)
def test_a_planted_fault_is_fatal_and_names_its_file_and_cause(folder, acdc_tree, plant, culprit, says):
    plant(folder)
    inspection = _inspect(folder, acdc_tree)
    (fatal,) = inspection.found("fatal")
    assert fatal.path == str(folder / culprit)
    assert says in fatal.message
    assert str(fatal).count(str(folder)) == 1
    with pytest.raises(DataError, match="a"):
        raise_if_fatal([inspection])


def test_a_singular_affine_is_fatal(folder, acdc_tree):
    _flatten_affine(folder)
    (fatal,) = _inspect(folder, acdc_tree, image="a.nii", supervision="unlabelled").found("fatal")
    assert "singular" in fatal.message


def test_image_and_label_faults_of_one_case_are_reported_together(folder, acdc_tree):
    truncate(folder / "a.nii.gz")
    _plant_value(folder)
    assert len(_inspect(folder, acdc_tree).found("fatal")) == 2


def test_a_slight_shift_is_fixable_and_a_negligible_one_is_silent(folder, acdc_tree):
    _shift_label(0.25)(folder)
    (finding,) = _inspect(folder, acdc_tree).findings
    assert finding.severity == "fixable"
    assert "0.250 mm" in finding.message
    _shift_label(5e-4)(folder)
    assert _inspect(folder, acdc_tree).findings == ()


@pytest.mark.parametrize("name", ["a.nii.gz", "a_gt.nii.gz"])
def test_a_file_of_two_places_is_named_and_the_sform_is_used(folder, acdc_tree, name):
    stored = nib.load(folder / name)
    moved = stored.affine + np.diag([30.0], 3)
    stored.set_qform(moved, 1)
    nib.save(stored, folder / name)
    found = _inspect(folder, acdc_tree)
    (finding,) = found.findings
    assert (finding.severity, finding.path) == ("fixable", str(folder / name))
    assert finding.message == "its qform places it up to 30.0 mm from where its sform does; the sform is used"
    np.testing.assert_allclose(found.affine, AFFINE)


def test_a_turned_label_is_measured_at_the_corner_where_it_is_worst(folder, acdc_tree):
    affine = AFFINE.copy()
    affine[0, 0] += 1.0  # nothing at the first corner, 1 mm for each of 5 steps at the last
    save(label(), folder / "a_gt.nii.gz", affine)
    (fatal,) = _inspect(folder, acdc_tree).found("fatal")
    assert "5.00 mm" in fatal.message


def test_almost_integers_are_rounded_and_counted(folder, acdc_tree):
    voxels = label().astype(np.float32)
    voxels[0, 0, :2] = 2.0004
    save(voxels, folder / "a_gt.nii.gz")
    inspection = _inspect(folder, acdc_tree)
    assert [(f.severity, f.message[:8]) for f in inspection.findings] == [("fixable", "2 voxels")]
    assert inspection.label_voxels["myocardium"] == int((label() == 2).sum()) + 2


def test_a_label_of_background_alone_is_only_mentioned(folder, acdc_tree):
    save(np.zeros(SHAPE, np.uint8), folder / "a_gt.nii.gz")
    inspection = _inspect(folder, acdc_tree)
    assert [f.severity for f in inspection.findings] == ["info"]
    raise_if_fatal([inspection])


def test_a_superclass_case_needs_its_label_too_and_the_expected_file_is_named(folder, acdc_tree):
    case = {"case": "a", "image": "a.nii.gz", "missing_label": "x_gt.nii.gz", "supervision": "heart"}
    (fatal,) = inspect_case(case, folder, acdc_tree, "acdc").found("fatal")
    assert fatal.path.endswith("x_gt.nii.gz")
    assert "'heart'" in fatal.message


def test_the_label_of_a_case_without_supervision_is_never_opened(folder, acdc_tree, monkeypatch):
    opened = []
    before_reading(monkeypatch, lambda path: opened.append(path.name))
    (folder / "a_gt.nii.gz").write_bytes(b"broken")
    assert _inspect(folder, acdc_tree, supervision="unlabelled").findings == ()
    assert opened == ["a.nii.gz"]


def test_a_pool_keeps_the_order_of_the_cases(tmp_path, acdc_tree, monkeypatch):
    cases = scan(write_patients(tmp_path, 4), "acdc")
    first = threading.Event()

    def slow_first(_):
        if not first.is_set():
            first.set()
            time.sleep(0.05)

    before_reading(monkeypatch, slow_first)
    found = inspect_cases(cases, tmp_path, acdc_tree, "acdc", workers=4)
    assert [inspection.case for inspection in found] == [case["case"] for case in cases]
    assert found == inspect_cases(cases, tmp_path, acdc_tree, "acdc", workers=1)


def test_known_images_are_not_read_again(tmp_path, acdc_tree, monkeypatch):
    cases = scan(write_patients(tmp_path, 1), "acdc")
    whole = inspect_cases(cases, tmp_path, acdc_tree, "acdc")
    images = inspect_cases([{**case, "supervision": "unlabelled"} for case in cases], tmp_path, acdc_tree, "acdc")
    opened = []
    before_reading(monkeypatch, lambda path: opened.append(path.name))
    assert inspect_cases(cases, tmp_path, acdc_tree, "acdc", images=images) == whole
    assert all("_gt" in name for name in opened)


def test_an_unknown_label_convention_is_one_error(tmp_path, acdc_tree):
    cases = scan(write_patients(tmp_path, 2), "acdc")
    with pytest.raises(TaxonomyError, match="no label convention 'brats18'"):
        inspect_cases(cases, tmp_path, acdc_tree, "brats18")


def test_twenty_faults_are_listed_and_the_others_counted():
    inspections = [Inspection(str(i), findings=(Finding("fatal", f"{i}.nii", "bad"),)) for i in range(25)]
    with pytest.raises(DataError) as error:
        raise_if_fatal(inspections)
    lines = str(error.value).splitlines()
    assert lines[:20] == [f"{i}.nii: bad" for i in range(20)]
    assert lines[20:] == ["… and 5 more"]

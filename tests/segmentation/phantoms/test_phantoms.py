"""Phantoms: the anatomy a segmentation method relies on, and what the files promise."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.transforms import LoadImage, Orientation
from scipy import ndimage

from cladeseg.files import DataError
from cladeseg.segmentation.phantoms.acdc import RECIPE_FILE, write_acdc_phantoms

RV, MYO, LV = 1, 2, 3
TINY = {"shape": (32, 32, 6), "spacing": (6.0, 6.0, 9.0)}
IN_PLANE = np.ones((3, 3, 1), dtype=bool)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("phantoms") / "acdc"
    write_acdc_phantoms(home, patients=10, seed=3, **TINY)
    return home


def labels(folder: Path) -> list[np.ndarray]:
    """All label volumes in RAS order, ED and ES of each patient in turn."""
    files = sorted(folder.glob("*/*_gt.nii.gz"))
    return [np.asarray(nib.as_closest_canonical(nib.load(file)).dataobj) for file in files]


def centroid_mm(file: Path, value: int) -> np.ndarray:
    """Centre of a structure in world coordinates."""
    label = nib.load(file)
    voxels = np.argwhere(np.asarray(label.dataobj) == value)
    return nib.affines.apply_affine(label.affine, voxels).mean(0)


def largest_area(file: Path, value: int) -> float:
    """Area of a structure in mm², in the slice that shows most of it."""
    label = nib.load(file)
    return float((np.asarray(label.dataobj) == value).sum((0, 1)).max() * np.prod(label.header.get_zooms()[:2]))


def read(file: Path) -> bytes:
    return file.read_bytes()


def test_the_layout_is_that_of_acdc(folder: Path):
    info = dict(line.split(": ") for line in (folder / "patient002" / "Info.cfg").read_text().splitlines())
    assert list(info) == ["ED", "ES", "Group", "Height", "NbFrame", "Weight"]
    systole = int(info["ES"])
    expected = {"Info.cfg", *(f"patient002_frame{f:02d}{s}.nii.gz" for f in (1, systole) for s in ("", "_gt"))}
    assert {file.name for file in (folder / "patient002").iterdir()} == expected
    image = nib.load(folder / "patient002" / "patient002_frame01.nii.gz")
    label = nib.load(folder / "patient002" / "patient002_frame01_gt.nii.gz")
    assert (image.get_data_dtype(), label.get_data_dtype()) == (np.int16, np.uint8)
    assert image.shape == label.shape
    np.testing.assert_array_equal(image.affine, label.affine)
    np.testing.assert_allclose(image.get_sform(coded=True)[0], image.get_qform(coded=True)[0], atol=1e-4)


def test_groups_take_turns_so_that_a_split_can_be_stratified(folder: Path):
    groups = [file.read_text().split("Group: ")[1].split()[0] for file in sorted(folder.glob("*/Info.cfg"))]
    assert groups == ["NOR", "DCM", "HCM", "MINF", "RV"] * 2


def test_labels_hold_all_three_structures_and_nothing_else(folder: Path):
    for label in labels(folder):
        assert set(np.unique(label)) == {0, RV, MYO, LV}


def test_muscle_encloses_the_left_ventricle_in_every_slice(folder: Path):
    for label in labels(folder):
        ring = ndimage.binary_dilation(label == LV, IN_PLANE) & (label != LV)
        assert set(np.unique(label[ring])) == {MYO}


def test_the_right_ventricle_lies_on_the_septum_and_ends_before_the_apex(folder: Path):
    for label in labels(folder):
        has_left, has_right = ((label == value).any((0, 1)) for value in (LV, RV))
        assert not has_right[np.flatnonzero(has_left)[-1]]
        near_muscle = ndimage.binary_dilation(label == MYO, IN_PLANE)
        for z in np.flatnonzero(has_right):
            assert (near_muscle & (label == RV))[..., z].any()


def test_the_left_ventricle_tapers_and_shrinks_from_diastole_to_systole(folder: Path):
    volumes = labels(folder)
    for diastole, systole in zip(volumes[::2], volumes[1::2], strict=True):
        assert (systole == LV).sum() < (diastole == LV).sum()
        area = (diastole == LV).sum((0, 1))
        area = area[area > 0]
        assert area[-1] < 0.7 * area[0]


def test_groups_differ_as_their_names_say(folder: Path):
    healthy, dilated, thick, _, right = (
        folder / f"patient{i:03d}/patient{i:03d}_frame01_gt.nii.gz" for i in range(1, 6)
    )
    assert largest_area(dilated, LV) > 1.2 * largest_area(healthy, LV)
    assert largest_area(thick, MYO) > 1.2 * largest_area(healthy, MYO)
    assert largest_area(right, RV) > 1.2 * largest_area(healthy, RV)


def test_brightness_separates_blood_from_muscle_but_not_the_ventricles(folder: Path):
    for file in sorted(folder.glob("*/*_gt.nii.gz")):
        label = np.asarray(nib.load(file).dataobj)
        image = np.asarray(nib.load(str(file).replace("_gt", "")).dataobj)
        right, muscle, left = (np.median(image[label == value]) for value in (RV, MYO, LV))
        assert min(left, right) > 1.3 * muscle
        assert abs(left - right) < 0.35 * right
        distractors = image[(label == 0) & (image > right)]
        assert distractors.size > 20


def test_affines_vary_but_the_world_does_not(folder: Path):
    files = sorted(folder.glob("*/*frame01_gt.nii.gz"))
    affines = [nib.load(file).affine for file in files]
    assert {"".join(nib.aff2axcodes(affine)) for affine in affines} == {"RAS", "LPS", "ARI"}
    assert any(np.count_nonzero(np.abs(affine[:3, :3]) > 0.1) > 3 for affine in affines), "no oblique one"
    for file in files:
        to_right = centroid_mm(file, RV) - centroid_mm(file, LV)
        assert to_right[0] > 0.5 * np.linalg.norm(to_right)


def test_after_orientation_to_ras_all_patients_lie_alike(folder: Path):
    load, orient = LoadImage(image_only=True, ensure_channel_first=True), Orientation("RAS", labels=None)
    for file in sorted(folder.glob("*/*_gt.nii.gz")):
        label = orient(load(file))[0].numpy()
        to_right = np.argwhere(label == RV).mean(0) - np.argwhere(label == LV).mean(0)
        assert to_right[0] > abs(to_right[1])
        area = (label == LV).sum((0, 1))
        area = area[area > 0]
        assert area[0] > area[-1], "the base comes first"


def test_orientation_is_a_matter_of_storage_alone(folder: Path, tmp_path: Path):
    write_acdc_phantoms(tmp_path / "ras", patients=5, seed=3, affines="ras", **TINY)
    for varied, ras in zip(labels(folder)[:10], labels(tmp_path / "ras"), strict=True):
        np.testing.assert_array_equal(varied, ras)


def test_the_same_request_gives_the_same_bytes_and_another_seed_does_not(folder: Path, tmp_path: Path):
    first = write_acdc_phantoms(tmp_path / "a", patients=1, seed=3, **TINY)
    other = write_acdc_phantoms(tmp_path / "b", patients=1, seed=4, **TINY)
    assert read(first[1]) != read(other[1])
    # Also: a patient does not depend on how many are made.
    for file in first:
        assert read(file) == read(folder / file.relative_to(tmp_path / "a"))


def test_an_identical_request_returns_what_is_there(folder: Path):
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*.nii.gz")}
    files = write_acdc_phantoms(folder, patients=10, seed=3, **TINY)
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.nii.gz")} == before
    assert sorted(files) == sorted(set(folder.rglob("*.*")) - {folder / RECIPE_FILE})


def test_another_request_a_foreign_and_an_interrupted_folder_are_refused(folder: Path, tmp_path: Path):
    with pytest.raises(DataError, match="another request"):
        write_acdc_phantoms(folder, patients=11, seed=3, **TINY)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"foreign.*another data set"):
        write_acdc_phantoms(foreign, patients=1, **TINY)
    write_acdc_phantoms(tmp_path / "cut", patients=1, **TINY)
    (tmp_path / "cut" / RECIPE_FILE).unlink()
    with pytest.raises(DataError, match="interrupted"):
        write_acdc_phantoms(tmp_path / "cut", patients=1, **TINY)


def test_a_missing_file_is_named(tmp_path: Path):
    files = write_acdc_phantoms(tmp_path / "a", patients=1, **TINY)
    files[-1].unlink()
    with pytest.raises(DataError, match=files[-1].name):
        write_acdc_phantoms(tmp_path / "a", patients=1, **TINY)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [({"patients": 0}, "patients"), ({"shape": (8, 8, 2)}, "shape"), ({"spacing": (1, 1, 0)}, "spacing")],
)
def test_an_impossible_request_names_the_argument(wrong: dict, name: str, tmp_path: Path):
    with pytest.raises(ValueError, match=name):
        write_acdc_phantoms(tmp_path / "a", **wrong)
    assert not (tmp_path / "a").exists()

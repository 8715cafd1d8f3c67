"""Several 3D files become the channels of one 4D file at the same place, or nothing is written."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cladeseg.files import DataError
from cladeseg.segmentation.data.stack_modalities import stack_folder, stack_modalities
from cladeseg.segmentation.transforms import LoadModalitiesd

SHAPE = (4, 5, 3)
AFFINE = np.eye(4)
AFFINE[:3, :3] = Rotation.from_euler("xyz", [20, -35, 10], degrees=True).as_matrix() * (1.3, -0.7, 2.1)
AFFINE[:3, 3] = (-31.7, 12.3, 99.1)
VOXELS = np.random.default_rng(0).integers(-1000, 30000, (4, *SHAPE)).astype(np.int16)
BRATS18 = ("flair", "t1", "t1ce", "t2")
BRATS23 = ("t2f", "t1n", "t1c", "t2w")


def write(path: Path, voxels: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    volume = nib.Nifti1Image(voxels, affine)
    volume.set_qform(affine, 1)
    volume.set_sform(affine, 2)
    volume.header.set_xyzt_units("mm")
    nib.save(volume, path)
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write(tmp_path / f"{name}.nii.gz", voxels) for name, voxels in zip("abcd", VOXELS, strict=True)]


def write_case(folder: Path, names: tuple[str, ...] = BRATS18, separator: str = "_") -> Path:
    for name, voxels in zip((*names, "seg"), (*VOXELS, VOXELS[0] * 0), strict=True):
        write(folder / f"{folder.name}{separator}{name}.nii.gz", voxels)
    return folder


def voxels_of(path: Path) -> np.ndarray:
    return np.moveaxis(np.asarray(nib.load(path).dataobj), -1, 0)


# ---- files -----------------------------------------------------------------------------------------------------------


def test_voxels_type_and_place_are_those_of_the_files(tmp_path: Path, files: list[Path]):
    out = stack_modalities(files, tmp_path / "new" / "out.nii.gz")
    stacked, first = nib.load(out), nib.load(files[0])
    assert stacked.shape == (*SHAPE, 4)
    assert stacked.get_data_dtype() == np.int16
    np.testing.assert_array_equal(voxels_of(out), VOXELS)
    np.testing.assert_array_equal(stacked.affine, first.affine)
    for form in ("get_sform", "get_qform"):
        (ours, code), (theirs, their_code) = (getattr(volume, form)(coded=True) for volume in (stacked, first))
        assert code == their_code
        np.testing.assert_array_equal(ours, theirs)
    assert stacked.header.get_zooms()[:3] == first.header.get_zooms()


def test_the_stack_is_loaded_as_the_files_are(tmp_path: Path, files: list[Path]):
    out = stack_modalities(files, tmp_path / "out.nii")
    load = LoadModalitiesd(modalities=BRATS18)
    one, many = (load({"image": image})["image"] for image in (out, files))
    np.testing.assert_array_equal(np.asarray(one), np.asarray(many))
    np.testing.assert_allclose(one.affine, many.affine)


def test_a_mapping_s_values_are_the_channels(tmp_path: Path, files: list[Path]):
    out = stack_modalities(dict(zip(BRATS18, reversed(files), strict=True)), tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(voxels_of(out), VOXELS[::-1])


def test_types_that_differ_become_float32(tmp_path: Path, files: list[Path]):
    files[1] = write(tmp_path / "e.nii.gz", VOXELS[1].astype(np.float64) / 2)
    out = stack_modalities(files, tmp_path / "out.nii.gz")
    assert nib.load(out).get_data_dtype() == np.float32
    np.testing.assert_array_equal(voxels_of(out)[0], VOXELS[0])
    np.testing.assert_array_equal(voxels_of(out)[1], VOXELS[1] / 2)


def test_values_that_a_header_scales_are_kept_as_float32(tmp_path: Path, files: list[Path]):
    volume = nib.Nifti1Image(VOXELS[3], AFFINE)
    volume.header.set_slope_inter(0.5, 3)
    nib.save(volume, files[3])
    values = np.asarray(nib.load(files[3]).dataobj)
    out = stack_modalities(files, tmp_path / "out.nii.gz")
    assert nib.load(out).get_data_dtype() == np.float32
    np.testing.assert_allclose(voxels_of(out)[3], values)


@pytest.mark.parametrize("fault", ["shape", "place", "4d", "torn", "absent"])
def test_a_file_that_does_not_fit_is_named_and_nothing_is_written(tmp_path: Path, files: list[Path], fault: str):
    moved = AFFINE.copy()
    moved[2, 3] += 1.5
    bad = files[2]
    if fault == "shape":
        write(bad, VOXELS[2][:, :, :2])
    elif fault == "place":
        write(bad, VOXELS[2], moved)
    elif fault == "4d":
        write(bad, np.stack([VOXELS[2]] * 2, axis=-1))
    elif fault == "torn":
        bad.write_bytes(bad.read_bytes()[:150])
    else:
        bad.unlink()
    reason = {
        "shape": r"the shape is .*a\.nii\.gz",
        "place": r"1\.5 mm off .*a\.nii\.gz",
        "4d": "is 4D",
        "absent": "no such file",
    }
    with pytest.raises(DataError, match=rf"c\.nii\.gz: .*{reason.get(fault, 'cannot be read')}"):
        stack_modalities(files, tmp_path / "out.nii.gz")
    assert not list(tmp_path.glob("*out.nii.gz"))


def test_an_existing_file_is_replaced_only_by_force(tmp_path: Path, files: list[Path]):
    out = write(tmp_path / "out.nii.gz", VOXELS[0])
    before = out.read_bytes()
    with pytest.raises(DataError, match=r"out\.nii\.gz: exists already"):
        stack_modalities(files, out)
    assert out.read_bytes() == before
    assert nib.load(stack_modalities(files, out, force=True)).shape == (*SHAPE, 4)


def test_no_input_is_overwritten_even_by_force(files: list[Path]):
    with pytest.raises(DataError, match=r"b\.nii\.gz: is one of the files"):
        stack_modalities(files, files[1], force=True)


def test_impossible_requests_are_refused(tmp_path: Path, files: list[Path]):
    with pytest.raises(DataError, match="there is no file to stack"):
        stack_modalities([], tmp_path / "out.nii.gz")
    with pytest.raises(DataError, match=r"a\.nii\.gz: is given for two channels"):
        stack_modalities([files[0], files[0]], tmp_path / "out.nii.gz")
    with pytest.raises(DataError, match=r"must end in \.nii\.gz or \.nii"):
        stack_modalities(files, tmp_path / "out.mha")


# ---- folders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("names", "separator"), [(BRATS18, "_"), (BRATS23, "-")])
@pytest.mark.parametrize("target", ["one.nii.gz", "folder"])
def test_the_folder_of_a_case_gives_one_file(tmp_path: Path, names: tuple[str, ...], separator: str, target: str):
    folder = write_case(tmp_path / "BraTS-GLI-00001-000", names, separator)
    (out,) = stack_folder(folder, tmp_path / target)
    assert out == (tmp_path / target if target != "folder" else tmp_path / target / "BraTS-GLI-00001-000.nii.gz")
    np.testing.assert_array_equal(voxels_of(out), VOXELS)


def test_a_folder_of_cases_gives_a_file_for_each(tmp_path: Path):
    for case in ("HGG/P1", "LGG/P2"):
        write_case(tmp_path / "data" / case)
    outs = stack_folder(tmp_path / "data", tmp_path / "out")
    assert outs == [tmp_path / "out" / f"{case}.nii.gz" for case in ("P1", "P2")]
    with pytest.raises(DataError, match=r"one\.nii\.gz: names one file, but .* holds 2 cases"):
        stack_folder(tmp_path / "data", tmp_path / "one.nii.gz")


def test_if_one_exists_none_is_written(tmp_path: Path):
    for case in ("P1", "P2"):
        write_case(tmp_path / "data" / case)
    write(tmp_path / "out" / "P2.nii.gz", VOXELS[0])
    with pytest.raises(DataError, match=r"P2\.nii\.gz: exists already"):
        stack_folder(tmp_path / "data", tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["P2.nii.gz"]
    assert len(stack_folder(tmp_path / "data", tmp_path / "out", force=True)) == 2


def test_a_missing_modality_is_named(tmp_path: Path):
    folder = write_case(tmp_path / "P1")
    (folder / "P1_t1ce.nii.gz").unlink()
    with pytest.raises(DataError, match="P1: P1 has no file for t1ce"):
        stack_folder(folder, tmp_path / "out.nii.gz")


def test_files_of_two_cases_in_one_folder_are_refused(tmp_path: Path):
    folder = write_case(tmp_path / "P1")
    write(folder / "P2_t1.nii.gz", VOXELS[0])
    with pytest.raises(DataError, match="holds files of 2 cases"):
        stack_folder(folder, tmp_path / "out.nii.gz")


def test_a_folder_without_cases_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=str(tmp_path)):
        stack_folder(tmp_path, tmp_path / "out")


# ---- other channels --------------------------------------------------------------------------------------------------


def test_named_channels_are_stacked_in_their_order_and_labels_are_none(tmp_path: Path):
    for case in ("a", "b"):
        for name, voxels in zip(("C0", "LGE", "gd"), VOXELS, strict=False):
            write(tmp_path / "D" / case / f"{case}_{name}.nii.gz", voxels)
    files = stack_folder(tmp_path / "D", tmp_path / "out", channels=("LGE", "C0"))
    assert [file.name for file in files] == ["a.nii.gz", "b.nii.gz"]
    np.testing.assert_array_equal(voxels_of(files[1]), VOXELS[[1, 0]])


def test_a_case_without_a_named_channel_is_refused(tmp_path: Path):
    write(tmp_path / "D" / "a" / "a_C0.nii.gz", VOXELS[0])
    with pytest.raises(DataError, match="a has no file for LGE"):
        stack_folder(tmp_path / "D", tmp_path / "out", channels=("C0", "LGE"))
    assert not (tmp_path / "out").exists()

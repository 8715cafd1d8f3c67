"""A mask has its image's grid to the last bit of the header, and is there whole or not at all."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import SaveImaged
from scipy.spatial.transform import Rotation

from cladeseg.files import DataError
from cladeseg.segmentation.transforms import SaveLabeld
from cladeseg.volumes import case_name, write_label

SHAPE = (4, 5, 6)
LABEL = (np.arange(120).reshape(SHAPE) % 4).astype(np.uint8)
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", [20, -35, 10], degrees=True).as_matrix() * (1.3, 0.7, 8.1)
OBLIQUE[:3, 3] = (-31.7, 12.3, 99.1)
AFFINES = {
    "ras": np.diag([1.5, 1.5, 9, 1]),
    "lps": np.diag([-1.5, -1.4, 9, 1]) + np.array([[0, 0, 0, 80.3]] * 2 + [[0] * 4] * 2),
    "psr": np.array([[0, 0, 1.1, 5], [-2, 0, 0, 9], [0, 10, 0, -4], [0, 0, 0, 1]]),
    "oblique": OBLIQUE,
    "sheared": OBLIQUE @ (np.eye(4) + 0.1 * np.eye(4, k=1) * np.array([[1], [1], [0], [0]])),
}


def write_image(path: Path, affine: np.ndarray, sform: int = 1, qform: int = 1, **options: Any) -> Path:
    """An image file; code 0 means that the header says nothing there."""
    kind: Callable[..., nib.Nifti1Image] = options.get("kind", nib.Nifti1Image)
    image = kind(np.arange(120, dtype=np.float32).reshape(SHAPE), affine)
    image.set_sform(affine if sform else None, sform)
    image.set_qform(affine if qform else None, qform)
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
    return path


def item(image: Path, label: np.ndarray = LABEL, **more: Any) -> dict[str, Any]:
    loaded = MetaTensor(torch.zeros(1, *SHAPE), meta={"filename_or_obj": str(image)})
    return {"image": loaded, "pred": torch.from_numpy(label)[None], **more}


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize(("sform", "qform"), [(1, 1), (2, 1), (0, 1), (4, 0), (0, 3), (0, 0)])
def test_shape_and_both_affines_are_the_image_s(tmp_path: Path, name: str, sform: int, qform: int):
    source = write_image(tmp_path / "scan.nii.gz", AFFINES[name], sform, qform)
    SaveLabeld(output_dir=tmp_path)(item(source))
    image, mask = nib.load(source), nib.load(tmp_path / "predictions" / "scan.nii.gz")
    assert mask.shape == image.shape
    np.testing.assert_array_equal(mask.affine, image.affine)
    np.testing.assert_array_equal(mask.header.get_zooms(), image.header.get_zooms())
    for form in ("get_sform", "get_qform"):
        (theirs, their_code), (ours, our_code) = (getattr(file, form)(coded=True) for file in (image, mask))
        assert our_code == their_code
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(getattr(mask, form)(), getattr(image, form)())
    assert mask.header.get_xyzt_units() == image.header.get_xyzt_units()


def test_two_forms_that_disagree_are_both_kept(tmp_path: Path):
    source = write_image(tmp_path / "scan.nii.gz", OBLIQUE)
    image = nib.load(source)
    upright = np.diag([1.3, 0.7, 8.1, 1])
    image.set_qform(upright, 1)
    image.set_sform(OBLIQUE, 2)
    nib.save(image, tmp_path / "two.nii.gz")
    write_label(LABEL, tmp_path / "two.nii.gz", tmp_path / "mask.nii.gz")
    mask = nib.load(tmp_path / "mask.nii.gz")
    np.testing.assert_allclose(mask.get_qform(), upright, atol=1e-5)
    np.testing.assert_allclose(mask.get_sform(), OBLIQUE, atol=1e-5)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_every_kind_of_nifti_gives_a_compressed_mask(tmp_path: Path, kind: type[nib.Nifti1Image], ending: str):
    source = write_image(tmp_path / f"scan{ending}", OBLIQUE, kind=kind)
    SaveLabeld(output_dir=tmp_path)(item(source))
    mask = nib.load(tmp_path / "predictions" / "scan.nii.gz")
    np.testing.assert_allclose(mask.affine, OBLIQUE, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(mask.dataobj), LABEL)


def test_a_scaled_integer_image_leaves_no_scaling_behind(tmp_path: Path):
    image = nib.Nifti1Image(np.arange(120, dtype=np.int16).reshape(SHAPE), OBLIQUE)
    image.header.set_slope_inter(0.5, -1024)
    nib.save(image, tmp_path / "ct.nii.gz")
    write_label(LABEL, tmp_path / "ct.nii.gz", tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(np.asarray(nib.load(tmp_path / "mask.nii.gz").dataobj), LABEL)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_values_and_type_are_exact(tmp_path: Path, dtype: type[np.integer]):
    source, label = write_image(tmp_path / "scan.nii.gz", OBLIQUE), LABEL.astype(dtype) * 60
    out = SaveLabeld(output_dir=tmp_path, folder="masks")(item(source, label))
    mask = nib.load(tmp_path / "masks" / "scan.nii.gz")
    assert mask.get_data_dtype() == dtype
    np.testing.assert_array_equal(np.asarray(mask.dataobj), label)
    np.testing.assert_array_equal(out["pred"][0], label)  # the item goes on as it was


def test_the_case_names_the_mask(tmp_path: Path):
    source = write_image(tmp_path / "scan.nii.gz", OBLIQUE)
    SaveLabeld(output_dir=tmp_path)(item(source, case="site_a__scan"))
    assert [file.name for file in (tmp_path / "predictions").iterdir()] == ["site_a__scan.nii.gz"]


@pytest.mark.parametrize(("file", "name"), [("a/p1.nii.gz", "p1"), ("p1.nii", "p1"), ("p1.t2.nii.gz", "p1.t2")])
def test_a_case_is_named_by_its_file(file: str, name: str):
    assert case_name(file) == name


@pytest.mark.parametrize("shape", [(5, 4, 6), (4, 5, 5), (8, 10, 12)])
def test_a_mask_on_another_grid_is_refused(tmp_path: Path, shape: tuple[int, ...]):
    source = write_image(tmp_path / "scan.nii.gz", OBLIQUE)
    with pytest.raises(DataError, match=r"scan\.nii\.gz: the label's shape"):
        SaveLabeld(output_dir=tmp_path)(item(source, np.zeros(shape, np.uint8)))
    assert not (tmp_path / "predictions").exists()


class FullDisk:
    """Writes the first half of a file and fails, as a full disk does."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.save = nib.save

    def __call__(self, volume: nib.Nifti1Image, file: Path) -> None:
        self.save(volume, file)
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        raise self.error


@pytest.mark.parametrize(
    ("error", "seen"), [(OSError(28, "No space left on device"), DataError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_a_torn_write_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, seen: type[BaseException]
):
    source = write_image(tmp_path / "scan.nii.gz", OBLIQUE)
    monkeypatch.setattr(nib, "save", FullDisk(error))
    with pytest.raises(seen):
        SaveLabeld(output_dir=tmp_path)(item(source))
    assert list((tmp_path / "predictions").iterdir()) == []


def test_a_torn_write_keeps_the_earlier_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source, save = write_image(tmp_path / "scan.nii.gz", OBLIQUE), SaveLabeld(output_dir=tmp_path)
    save(item(source))
    monkeypatch.setattr(nib, "save", FullDisk(OSError(28, "No space left on device")))
    with pytest.raises(DataError, match=r"predictions.scan\.nii\.gz: cannot be written .*No space left"):
        save(item(source, 3 - LABEL))
    (mask,) = (tmp_path / "predictions").iterdir()
    np.testing.assert_array_equal(np.asarray(nib.load(mask).dataobj), LABEL)


def test_a_later_mask_replaces_the_earlier_one(tmp_path: Path):
    source, save = write_image(tmp_path / "scan.nii.gz", OBLIQUE), SaveLabeld(output_dir=tmp_path)
    save(item(source))
    save(item(source, 3 - LABEL))
    (mask,) = (tmp_path / "predictions").iterdir()
    np.testing.assert_array_equal(np.asarray(nib.load(mask).dataobj), 3 - LABEL)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    source = write_image(tmp_path / "scan.nii.gz", OBLIQUE)
    (tmp_path / "predictions").write_text("a file in the way")
    with pytest.raises(DataError, match=r"predictions.scan\.nii\.gz: cannot be written"):
        SaveLabeld(output_dir=tmp_path)(item(source))


def test_tools_recognise_it_as_the_writer(tmp_path: Path):
    save = SaveLabeld(output_dir=tmp_path / "run")
    assert isinstance(save, SaveImaged)
    assert not (tmp_path / "run").exists()  # nothing is made before there is a mask


def test_it_pickles(tmp_path: Path):
    source = write_image(tmp_path / "scan.nii.gz", OBLIQUE)
    pickle.loads(pickle.dumps(SaveLabeld(output_dir=tmp_path)))(item(source))
    assert (tmp_path / "predictions" / "scan.nii.gz").is_file()


def test_a_4d_image_gives_a_3d_mask_of_its_geometry(tmp_path: Path):
    image = nib.Nifti1Image(np.zeros((*SHAPE, 4), np.float32), OBLIQUE)
    image.set_qform(OBLIQUE, 1)
    nib.save(image, tmp_path / "stack.nii.gz")
    write_label(LABEL, tmp_path / "stack.nii.gz", tmp_path / "mask.nii.gz")
    mask = nib.load(tmp_path / "mask.nii.gz")
    assert mask.shape == SHAPE
    np.testing.assert_array_equal(mask.affine, nib.load(tmp_path / "stack.nii.gz").affine)
    np.testing.assert_allclose(mask.header.get_zooms(), (1.3, 0.7, 8.1), rtol=1e-6)

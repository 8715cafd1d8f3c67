"""One file or several become the same channels, on one grid that every later step can undo."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd, LoadImaged, Orientationd
from scipy.spatial.transform import Rotation

from cladeseg.files import DataError
from cladeseg.segmentation.transforms import CheckImaged, LoadModalitiesd, Spacingd
from cladeseg.volumes import write_label

NAMES = ("flair", "t1", "t1ce", "t2")
SHAPE = (6, 7, 5)
VOXELS = np.random.default_rng(0).random((4, *SHAPE)).astype(np.float32)
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", [20, -35, 10], degrees=True).as_matrix() * (1.3, 0.7, 2.1)
OBLIQUE[:3, 3] = (-31.7, 12.3, 99.1)
AFFINES = {
    "ras": np.diag([1.0, 1.5, 2.0, 1.0]),
    "lps": np.diag([-1.0, -1.5, 2.0, 1.0]) + np.array([[0, 0, 0, 80.0]] * 2 + [[0] * 4] * 2),
    "psr": np.array([[0, 0, 1.1, 5], [-2, 0, 0, 9], [0, 1.5, 0, -4], [0, 0, 0, 1]]),
    "oblique": OBLIQUE,
}


def write(path: Path, voxels: np.ndarray, affine: np.ndarray = OBLIQUE) -> str:
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return str(path)


def write_channels(folder: Path, affine: np.ndarray = OBLIQUE) -> list[Any]:
    return [write(folder / f"p1_{name}.nii.gz", voxels, affine) for name, voxels in zip(NAMES, VOXELS, strict=True)]


def write_4d(folder: Path, affine: np.ndarray = OBLIQUE) -> str:
    return write(folder / "p1.nii.gz", np.moveaxis(VOXELS, 0, -1), affine)


def load(image: Any, **options: Any) -> dict[str, Any]:
    return LoadModalitiesd(**({"modalities": NAMES} | options))({"image": image})


# ---- forms of input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [write_channels, write_4d])
def test_a_list_and_a_4d_file_give_the_same_channels(tmp_path: Path, form: Any):
    image = form(tmp_path)
    out = load(image)
    assert isinstance(out["image"], MetaTensor)
    assert out["image"].dtype == torch.float32
    np.testing.assert_array_equal(np.asarray(out["image"]), VOXELS)
    np.testing.assert_allclose(out["image"].affine, OBLIQUE, atol=1e-5)
    assert out["modalities"] == list(NAMES)
    assert out["image"].meta["filename_or_obj"] == (image if isinstance(image, str) else image[0])


@pytest.mark.parametrize("dtype", [np.int16, np.float64])
def test_a_3d_file_is_one_channel_as_monai_loads_it(tmp_path: Path, dtype: type[np.generic]):
    path = write(tmp_path / "scan.nii.gz", (VOXELS[0] * 100).astype(dtype))
    ours = LoadModalitiesd()({"image": Path(path)})["image"]
    theirs = LoadImaged("image", reader="NibabelReader", ensure_channel_first=True)({"image": path})["image"]
    assert ours.shape == (1, *SHAPE)
    assert torch.equal(ours.as_tensor(), theirs.as_tensor())
    assert torch.equal(ours.affine, theirs.affine)
    assert set(ours.meta) <= set(theirs.meta)
    assert ours.meta["filename_or_obj"] == path


def test_a_list_has_the_metadata_of_one_3d_file(tmp_path: Path):
    files = write_channels(tmp_path)
    stacked, single = load(files)["image"], LoadModalitiesd()({"image": files[0]})["image"]
    assert set(stacked.meta) == set(single.meta)
    for key in ("original_affine", "spatial_shape", "affine"):
        np.testing.assert_array_equal(stacked.meta[key], single.meta[key])


def test_without_names_any_number_of_channels_is_right(tmp_path: Path):
    out = load(write_channels(tmp_path)[:2], modalities=())
    assert out["image"].shape == (2, *SHAPE)
    assert out["modalities"] == ["channel_0", "channel_1"]
    assert load(write_4d(tmp_path), modalities=())["image"].shape == (4, *SHAPE)


# ---- missing and unused modalities -----------------------------------------------------------------------------------


def test_a_missing_modality_is_a_channel_of_zeros(tmp_path: Path):
    files = write_channels(tmp_path)
    out = load([None, files[1], None, files[3]], allow_missing=True)
    np.testing.assert_array_equal(np.asarray(out["image"]), VOXELS * np.array([0, 1, 0, 1]).reshape(4, 1, 1, 1))
    assert out["modalities"] == ["t1", "t2"]
    assert out["image"].meta["filename_or_obj"] == files[1]
    CheckImaged("image", channels=4)(out)


def test_a_missing_modality_is_refused_by_name_unless_allowed(tmp_path: Path):
    files = write_channels(tmp_path)
    with pytest.raises(DataError, match=r"p1_flair\.nii\.gz: t1ce missing"):
        load([*files[:2], None, files[3]])


def test_a_case_without_any_modality_is_refused():
    with pytest.raises(DataError, match="holds none of flair, t1, t1ce, t2"):
        load([None] * 4, allow_missing=True)


@pytest.mark.parametrize("form", [write_channels, write_4d])
def test_only_modalities_in_use_are_kept_whatever_their_order(tmp_path: Path, form: Any):
    out = load(form(tmp_path), use=["t2", "flair"])
    np.testing.assert_array_equal(np.asarray(out["image"]), VOXELS * np.array([1, 0, 0, 1]).reshape(4, 1, 1, 1))
    assert out["modalities"] == ["flair", "t2"]


def test_not_a_number_in_an_unused_channel_does_not_matter(tmp_path: Path):
    voxels = np.moveaxis(VOXELS, 0, -1).copy()
    voxels[..., 1] = np.nan
    out = load(write(tmp_path / "p.nii.gz", voxels), use=["t2"])
    assert not bool(out["image"][:3].any())


def test_files_of_unused_modalities_need_not_be_there(tmp_path: Path):
    files = write_channels(tmp_path)
    Path(files[0]).unlink()
    out = load([files[0], None, files[2], files[3]], use=["t1ce", "t2"])
    assert out["modalities"] == ["t1ce", "t2"]
    assert out["image"].meta["filename_or_obj"] == files[2]
    with pytest.raises(DataError, match=r"p1_flair\.nii\.gz: holds none of t1"):
        load([files[0], None, *files[2:]], use=["t1"], allow_missing=True)


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_a_single_3d_file_where_more_is_needed(tmp_path: Path):
    with pytest.raises(DataError, match=r"p1_flair\.nii\.gz: has 1 channels; 4 needed \(flair, t1, t1ce, t2\)"):
        load(write_channels(tmp_path)[0])


def test_a_4d_file_of_other_channels(tmp_path: Path):
    with pytest.raises(DataError, match=r"p1\.nii\.gz: has 4 channels; 2 needed \(ct, pet\)"):
        load(write_4d(tmp_path), modalities=("ct", "pet"))


def test_a_list_of_another_length(tmp_path: Path):
    with pytest.raises(DataError, match=r"p1_flair\.nii\.gz \(3 entries\): .*t1ce"):
        load(write_channels(tmp_path)[:3])


def test_a_4d_file_in_a_list(tmp_path: Path):
    files = [*write_channels(tmp_path)[:3], write_4d(tmp_path)]
    with pytest.raises(DataError, match=r"p1\.nii\.gz: has 4 channels; a file of a list is one channel"):
        load(files)


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 5, 2, 2)])
def test_a_file_of_other_dimensions(tmp_path: Path, shape: tuple[int, ...]):
    path = write(tmp_path / "slice.nii.gz", np.ones(shape, np.float32))
    with pytest.raises(DataError, match=r"slice\.nii\.gz: is .*D; a 3D volume is needed"):
        load(path, modalities=())


def test_files_of_two_shapes_are_both_named(tmp_path: Path):
    files = write_channels(tmp_path)
    files[2] = write(tmp_path / "p1_t1ce.nii.gz", VOXELS[2][:, :, :4])
    with pytest.raises(DataError, match=r"t1ce\.nii\.gz: the shape is \(6, 7, 4\).*p1_flair\.nii\.gz \(6, 7, 5\)"):
        load(files)


@pytest.mark.parametrize("shift", [0.9, 1.1])
def test_files_more_than_a_millimetre_apart_are_both_named(tmp_path: Path, shift: float):
    files, moved = write_channels(tmp_path), OBLIQUE.copy()
    moved[0, 3] += shift
    files[3] = write(tmp_path / "p1_t2.nii.gz", VOXELS[3], moved)
    if shift < 1:
        np.testing.assert_allclose(load(files)["image"].affine, OBLIQUE, atol=1e-5)
        return
    with pytest.raises(DataError, match=r"p1_t2\.nii\.gz: lies up to 1\.1 mm off .*p1_flair\.nii\.gz"):
        load(files)


@pytest.mark.parametrize("fault", ["absent", "truncated", "text"])
def test_an_unreadable_file_is_named_in_one_line(tmp_path: Path, fault: str):
    files = write_channels(tmp_path)
    broken = Path(files[1])
    content = {"absent": None, "truncated": broken.read_bytes()[:200], "text": b"no image"}[fault]
    broken.unlink()
    if content is not None:
        broken.write_bytes(content)
    with pytest.raises(DataError, match=r"p1_t1\.nii\.gz: (cannot be read|no such file)") as error:
        load(files)
    assert "Traceback" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"use": ["t3"]}, "'t3' is none of the modalities flair"),
        ({"use": []}, "none is left"),
        ({"use": ["t1"], "modalities": ()}, "'t1' is none of the modalities"),
        ({"modalities": ("t1", "t1")}, "one name twice"),
    ],
)
def test_impossible_names_are_refused_at_once(options: dict[str, Any], complaint: str):
    with pytest.raises(ValueError, match=complaint):
        LoadModalitiesd(**({"modalities": NAMES} | options))


# ---- what comes after ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("form", [write_channels, write_4d])
def test_orientation_and_spacing_are_undone(tmp_path: Path, name: str, form: Any):
    """A network that returns its input gives the image back on the image's own grid."""
    affine = AFFINES[name]
    chain = Compose(
        [
            LoadModalitiesd(modalities=NAMES),
            Orientationd("image", axcodes="RAS", labels=(("L", "R"), ("P", "A"), ("I", "S"))),
            Spacingd("image", pixdim=(-1, -1, -1)),
        ]
    )
    out = chain({"image": form(tmp_path, affine), "image_path": "as MONAI Label adds it"})
    out["pred"] = MetaTensor(out["image"].as_tensor().clone(), meta=out["image"].meta)
    back = Invertd("pred", transform=chain, orig_keys="image", nearest_interp=False)(out)["pred"]
    np.testing.assert_allclose(np.asarray(back), VOXELS, atol=1e-4)
    np.testing.assert_allclose(back.affine, affine, atol=1e-5)


@pytest.mark.parametrize("name", AFFINES)
def test_every_form_is_resampled_alike_and_returns_to_its_shape(tmp_path: Path, name: str):
    chain = Compose(
        [LoadModalitiesd(), Orientationd("image", axcodes="RAS", labels=None), Spacingd("image", (1, 1, 1))]
    )
    files = write_channels(tmp_path, AFFINES[name])
    items = [chain({"image": image}) for image in (files, write_4d(tmp_path, AFFINES[name]))]
    torch.testing.assert_close(items[0]["image"].as_tensor(), items[1]["image"].as_tensor())
    single = chain({"image": files[2]})["image"].as_tensor()
    torch.testing.assert_close(items[0]["image"].as_tensor()[2:3], single)
    for item in items:
        back = Invertd("image", transform=chain)(item)["image"]
        assert back.shape == (4, *SHAPE)
        np.testing.assert_allclose(back.affine, AFFINES[name], atol=1e-5)


def test_a_mask_is_written_on_the_grid_of_the_file_that_the_image_names(tmp_path: Path):
    files = write_channels(tmp_path)
    image = load([None, *files[1:]], allow_missing=True)["image"]
    write_label(np.ones(SHAPE, np.uint8), image.meta["filename_or_obj"], tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(nib.load(tmp_path / "mask.nii.gz").affine, nib.load(files[1]).affine)


def test_tools_recognise_it_as_the_loader_and_it_pickles(tmp_path: Path):
    again = pickle.loads(pickle.dumps(LoadModalitiesd(modalities=NAMES, use=["t1"], allow_missing=True)))
    assert isinstance(again, LoadImaged)
    assert again({"image": write_channels(tmp_path)})["modalities"] == ["t1"]


def test_a_loader_that_was_asked_for_metadata_too_gives_the_image(tmp_path: Path):
    image = write_4d(tmp_path)
    loader = LoadModalitiesd(modalities=NAMES)
    loader._loader.image_only = False  # MONAI Label does
    assert torch.equal(loader({"image": image})["image"], load(image)["image"])


def test_the_item_given_stays_as_it_is(tmp_path: Path):
    item = {"image": write_channels(tmp_path), "case": "p1"}
    before = dict(item)
    assert LoadModalitiesd(modalities=NAMES)(item)["case"] == "p1"
    assert item == before

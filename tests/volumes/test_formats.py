"""Every format gives the same voxels in the same place, to the check, the loader and the labels' loader alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from volume_formats import AFFINE, write_dicom, write_itk, write_mgh, write_nifti

from cladeseg.files import DataError
from cladeseg.segmentation.data import inspect_case
from cladeseg.segmentation.transforms import LoadModalitiesd, LoadNodesd
from cladeseg.taxonomy import Taxonomy
from cladeseg.volumes import case_name, is_volume_file, output_ending, read_grid, read_volume

VOXELS = np.random.default_rng(0).integers(-900, 900, (7, 6, 9)).astype(np.int16)
LABEL = np.random.default_rng(1).integers(0, 4, (7, 6, 9)).astype(np.uint8)
TILTED = np.array([[0.8, 0, -0.6, 0], [0, 1, 0, 0], [0.6, 0, 0.8, 0], [0, 0, 0, 1]]) @ AFFINE

WRITERS: dict[str, Callable[..., Path]] = {
    "scan.nii": write_nifti,
    "scan.nii.gz": write_nifti,
    "scan.mgz": write_mgh,
    "scan.nrrd": write_itk,
    "scan.nhdr": write_itk,
    "scan.mha": write_itk,
    "scan.mhd": write_itk,
    "scan": write_dicom,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("affine", [AFFINE, TILTED], ids=["straight", "turned"])
def test_every_format_gives_the_same_voxels_in_the_same_place(tmp_path: Path, name: str, affine: np.ndarray) -> None:
    path = WRITERS[name](VOXELS, tmp_path / name, affine)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    np.testing.assert_allclose(volume.grid.affine, affine, atol=1e-5)
    assert (read_grid(path).shape, case_name(path)) == (VOXELS.shape, "scan")


@pytest.mark.parametrize("name", ["A.NII.GZ", "a.Nii.gz", "a.NII", "A.NRRD", "a.Mha", "a.MGZ", "a.Mgh"])
def test_the_letter_case_of_an_ending_does_not_matter(tmp_path: Path, name: str) -> None:
    ending = name[1:].lower()
    writer = {".nrrd": write_itk, ".mha": write_itk}.get(ending, write_mgh if ".mg" in ending else write_nifti)
    path = writer(VOXELS, tmp_path / f"a{ending}").rename(tmp_path / name)
    np.testing.assert_array_equal(read_volume(path).voxels, VOXELS)
    assert is_volume_file(path)
    assert case_name(path) == name[0]


def test_a_plain_file_called_gz_and_a_packed_one_called_nii_are_read(tmp_path: Path) -> None:
    plain, packed = write_nifti(VOXELS, tmp_path / "a.nii"), write_nifti(VOXELS, tmp_path / "b.nii.gz")
    for path in (plain.rename(tmp_path / "c.nii.gz"), packed.rename(tmp_path / "d.nii")):
        np.testing.assert_array_equal(read_volume(path).voxels, VOXELS)


@pytest.mark.parametrize("extra", [(1,), (1, 1), (1, 2), (2,)])
def test_axes_of_length_one_after_the_third_are_left_out(tmp_path: Path, extra: tuple[int, ...]) -> None:
    voxels = np.repeat(VOXELS.reshape(*VOXELS.shape, *[1] * len(extra)), extra[-1], axis=-1)
    path = write_nifti(voxels, tmp_path / "a.nii.gz")
    expected = VOXELS.shape if extra[-1] == 1 else (*VOXELS.shape, 2)
    assert read_grid(path).shape == read_volume(path).voxels.shape == expected
    assert LoadModalitiesd()({"image": str(path)})["image"].shape == (extra[-1], *VOXELS.shape)


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_components_of_a_voxel_and_a_fourth_axis_are_channels(tmp_path: Path, name: str) -> None:
    voxels = np.stack([VOXELS, VOXELS + 1], axis=-1)
    np.testing.assert_array_equal(read_volume(write_itk(voxels, tmp_path / name)).voxels, voxels)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels.transpose(3, 2, 1, 0), isVector=False), tmp_path / name)
    np.testing.assert_array_equal(read_volume(tmp_path / name).voxels, voxels)


# ---- the same answer from check, training and prediction -------------------------------------------------------------

TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", ">i2", ">u2", ">i4", ">f4", ">f8"]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "scaled"])
def test_check_and_loaders_agree_on_every_type(tmp_path: Path, acdc_tree: Taxonomy, dtype: str, scaled: bool) -> None:
    header = nib.Nifti1Header(endianness=">" if dtype[0] == ">" else "<")
    for name, voxels in (("image.nii.gz", np.abs(VOXELS) % 60), ("label.nii.gz", LABEL)):
        stored = nib.Nifti1Image((voxels * 2 if scaled else voxels).astype(dtype), AFFINE, header)
        if scaled:
            stored.header.set_slope_inter(0.5, 0)
        stored.header.set_data_dtype(dtype)
        nib.save(stored, tmp_path / name)
    case = {"case": "a", "image": "image.nii.gz", "label": "label.nii.gz", "supervision": "fine"}
    check = inspect_case(case, tmp_path, acdc_tree, "acdc")
    loaded = LoadModalitiesd()({"image": str(tmp_path / "image.nii.gz"), "label": str(tmp_path / "label.nii.gz")})
    nodes = LoadNodesd(acdc_tree, "acdc")(loaded)["nodes"]
    assert check.findings == ()
    np.testing.assert_array_equal(loaded["image"][0], np.abs(VOXELS) % 60)
    np.testing.assert_array_equal(nodes[0], acdc_tree.to_nodes(LABEL, "acdc"))
    assert check.label_voxels == {acdc_tree.names[int(v)]: int((nodes == v).sum()) for v in nodes.unique()}


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "scan"])
def test_labels_of_every_format_become_the_same_nodes(tmp_path: Path, acdc_tree: Taxonomy, name: str) -> None:
    image = write_nifti(VOXELS, tmp_path / "image.nii.gz")
    label = WRITERS[name](LABEL, tmp_path / name)
    loaded = LoadModalitiesd()({"image": str(image), "label": str(label)})
    nodes = LoadNodesd(acdc_tree, "acdc")(loaded)["nodes"]
    np.testing.assert_array_equal(nodes[0], acdc_tree.to_nodes(LABEL, "acdc"))


# ---- refused by name -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "says"), [(np.complex64, "complex numbers"), ([(c, "u1") for c in "RGB"], "colours")]
)
def test_what_is_no_number_is_refused_by_name(tmp_path: Path, dtype: object, says: str) -> None:
    path = write_nifti(np.zeros((3, 4, 5), np.dtype(dtype)), tmp_path / "a.nii.gz")
    with pytest.raises(DataError, match=rf"^{path}: holds {says}"):
        read_volume(path)


def test_complex_numbers_of_another_format_are_refused(tmp_path: Path) -> None:
    SimpleITK.WriteImage(SimpleITK.Image([3, 4, 5], SimpleITK.sitkComplexFloat32), tmp_path / "a.nrrd")
    with pytest.raises(DataError, match="holds complex numbers"):
        read_grid(tmp_path / "a.nrrd")


def test_halves_of_a_pair_and_other_files_are_refused_by_name(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(VOXELS, AFFINE), tmp_path / "a.hdr")
    (tmp_path / "a.hdr").rename(tmp_path / "b.hdr")
    (tmp_path / "notes.txt").write_text("nothing")
    for name, says in (
        ("b.hdr", "half of a pair"),
        ("a.img", "half of a pair"),
        ("notes.txt", "no volume by its name"),
    ):
        with pytest.raises(DataError, match=rf"^{tmp_path / name}: .*{says}"):
            read_grid(tmp_path / name)


def test_a_format_that_is_asked_for_is_one_that_is_written() -> None:
    assert [output_ending("a.mhd"), output_ending("series"), output_ending("a.nii", "nrrd")] == [
        *(".mha", ".nii.gz", ".nrrd")
    ]
    with pytest.raises(DataError, match="output_format: 'png' is unknown"):
        output_ending("a.nii", "png")

"""A mask is written in the image's format with the image's place, and maps follow it."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from volume_formats import AFFINE, write_dicom, write_itk, write_mgh, write_nifti

from cladeseg.files import DataError
from cladeseg.volumes import output_path, read_volume, refuse_sources, write_label, write_map

VOXELS = np.random.default_rng(0).integers(-900, 900, (7, 6, 9)).astype(np.int16)
LABEL = (np.abs(VOXELS) % 4).astype(np.uint8)
#: No number of it is exact in decimal digits.
ODD = np.array([[0.7, -0.3, 0.1, 1 / 3], [0.2, 0.9, -0.4, -2 / 7], [0.05, 0.35, 2.1, 31.123456789], [0, 0, 0, 1]])


@pytest.mark.parametrize("source", ["scan.nrrd", "scan.mha", "scan.mhd"])
@pytest.mark.parametrize("target", ["mask.nrrd", "mask.mha"])
def test_nrrd_and_mha_masks_have_the_images_geometry(tmp_path: Path, source: str, target: str) -> None:
    image = write_itk(VOXELS, tmp_path / source, ODD)
    write_label(LABEL, image, tmp_path / target)
    theirs, ours = (SimpleITK.ReadImage(str(path)) for path in (image, tmp_path / target))
    assert (ours.GetSize(), ours.GetOrigin()) == (theirs.GetSize(), theirs.GetOrigin())
    # NRRD holds the products of direction and spacing, which reading divides again: the last of 53 bits may differ.
    np.testing.assert_allclose(ours.GetSpacing(), theirs.GetSpacing(), rtol=1e-15)
    np.testing.assert_allclose(ours.GetDirection(), theirs.GetDirection(), rtol=0, atol=1e-15)
    assert ours.GetPixelID() == SimpleITK.sitkUInt8
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(ours).transpose(2, 1, 0), LABEL)


def test_an_mgz_mask_has_the_images_header(tmp_path: Path) -> None:
    image = write_mgh(VOXELS, tmp_path / "scan.mgz", AFFINE)
    write_label(LABEL, image, tmp_path / "mask.mgz")
    theirs, ours = nib.load(image), nib.load(tmp_path / "mask.mgz")
    for field in ("Mdc", "delta", "Pxyz_c"):
        np.testing.assert_array_equal(ours.header[field], theirs.header[field])
    assert ours.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asarray(ours.dataobj), LABEL)


@pytest.mark.parametrize("target", ["mask.nii.gz", "mask.nrrd", "mask.mha", "mask.mgz"])
@pytest.mark.parametrize("source", ["scan.nii.gz", "scan.mgz", "scan.nrrd", "scan"])
def test_a_mask_in_any_format_lies_on_any_image(tmp_path: Path, source: str, target: str) -> None:
    write = {"scan.nii.gz": write_nifti, "scan.mgz": write_mgh, "scan.nrrd": write_itk, "scan": write_dicom}[source]
    image = write(VOXELS, tmp_path / source)
    write_label(LABEL, image, tmp_path / target)
    written = read_volume(tmp_path / target)
    np.testing.assert_array_equal(written.voxels, LABEL)
    np.testing.assert_allclose(written.grid.affine, AFFINE, atol=1e-4)
    if target == "mask.nii.gz":
        header = nib.load(tmp_path / target).header
        np.testing.assert_allclose(header.get_qform(), AFFINE, atol=1e-4)
        np.testing.assert_allclose(header.get_sform(), AFFINE, atol=1e-4)


def test_a_mask_of_an_image_with_a_fourth_axis_of_one_has_three(tmp_path: Path) -> None:
    image = write_nifti(VOXELS[..., None], tmp_path / "scan.nii.gz")
    write_label(LABEL, image, tmp_path / "mask.nii.gz")
    mask = nib.load(tmp_path / "mask.nii.gz")
    assert mask.shape == LABEL.shape
    np.testing.assert_array_equal(mask.affine, nib.load(image).affine)


@pytest.mark.parametrize("name", ["map.nii.gz", "map.nrrd", "map.mha", "map.mgz"])
def test_a_map_of_several_channels_keeps_its_numbers(tmp_path: Path, name: str) -> None:
    image = write_itk(VOXELS, tmp_path / "scan.nrrd")
    probabilities = np.random.default_rng(0).random((*VOXELS.shape, 3)).astype(np.float32)
    write_map(probabilities, image, tmp_path / name, intent="p(leaf)", description="a,b,c", comment="more")
    written = read_volume(tmp_path / name)
    assert written.grid.dtype.newbyteorder("=") == np.float32
    np.testing.assert_array_equal(written.voxels, probabilities)


def test_an_nrrd_says_what_its_numbers_are(tmp_path: Path) -> None:
    image = write_itk(VOXELS, tmp_path / "scan.nrrd")
    write_map(VOXELS.astype(np.float32), image, tmp_path / "map.nrrd", intent="entropy", description="in nats")
    written = SimpleITK.ReadImage(str(tmp_path / "map.nrrd"))
    assert (written.GetMetaData("intent"), written.GetMetaData("description")) == ("entropy", "in nats")


@pytest.mark.parametrize("name", ["mask.nrrd", "mask.mha", "mask.mgz", "mask.png"])
def test_a_mask_on_another_grid_or_in_no_format_leaves_no_file(tmp_path: Path, name: str) -> None:
    image = write_nifti(VOXELS, tmp_path / "scan.nii.gz")
    with pytest.raises(DataError):
        write_label(LABEL if name.endswith("png") else LABEL[1:], image, tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == ["scan.nii.gz"]


# ---- where files go --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["../x", "/tmp/x", "a/b", "..", ".", "", " ", "a\\b"])
def test_a_case_whose_file_would_leave_the_folder_is_refused_by_name(case: str) -> None:
    with pytest.raises(DataError, match=r"^case .*its file would not lie in out"):
        output_path("out", case, ".nii.gz")


def test_dots_and_spaces_within_a_name_are_kept() -> None:
    assert output_path("out", "p 1..a", ".nrrd") == Path("out", "p 1..a.nrrd")


@pytest.mark.parametrize("kind", ["same", "link", "folder", "second name"])
def test_an_image_is_recognised_under_each_of_its_names(tmp_path: Path, kind: str) -> None:
    (tmp_path / "S").mkdir()
    image = write_nifti(VOXELS, tmp_path / "S" / "a.nii.gz")
    target = {"folder": tmp_path / "T" / "a.nii.gz", "same": image}.get(kind, tmp_path / "b.nii.gz")
    if kind == "link":
        target.symlink_to(image)
    elif kind == "folder":
        target.parent.symlink_to(image.parent)
    elif kind == "second name":
        target.hardlink_to(image)
    with pytest.raises(DataError, match=rf"^{target}: is one of the images"):
        refuse_sources([target], [image])
    refuse_sources([tmp_path / "c.nii.gz"], [image])

"""Everything that opens a volume agrees on where its voxels lie, or refuses the file."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.transforms import LoadImage

from cladeseg.files import DataError
from cladeseg.volumes import VolumeReader, read_grid, read_volume

VOXELS = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
AFFINE = np.array([[0, 0, 2.0, -7], [-1.5, 0, 0, 30], [0, 0.9, 0, 4], [0, 0, 0, 1]])


def save(path: Path, image: nib.Nifti1Image) -> Path:
    nib.save(image, path)
    return path


def contradictory(path: Path, sizes: tuple[float, ...]) -> Path:
    """A file whose header's voxel sizes are not those of its sform."""
    image = nib.Nifti1Image(VOXELS, AFFINE)
    image.set_sform(AFFINE, 1, update_affine=False)
    image.header["pixdim"][1:4] = sizes
    return save(path, image)


@pytest.mark.parametrize("read", [read_grid, read_volume, VolumeReader().read])
def test_voxel_sizes_that_contradict_the_sform_are_refused_with_both(tmp_path: Path, read):
    path = contradictory(tmp_path / "scan.nii.gz", (1.5, 0.9, 4.0))
    with pytest.raises(DataError) as error:
        read(path)
    for part in ("scan.nii.gz", "pixdim 1.5 × 0.9 × 4 mm", "1.5 × 0.9 × 2 mm"):
        assert part in str(error.value)


def test_rounding_is_no_contradiction(tmp_path: Path):
    path = contradictory(tmp_path / "scan.nii.gz", (1.5001, 0.9, 2.0))
    np.testing.assert_allclose(read_grid(path).spacing, (1.5, 0.9, 2.0))


@pytest.mark.parametrize(("sform", "qform"), [(1, 0), (0, 1), (2, 1)])
def test_the_affine_is_the_sform_else_the_qform(tmp_path: Path, sform: int, qform: int):
    shifted = AFFINE.copy()
    shifted[:3, 3] += 5
    image = nib.Nifti1Image(VOXELS, None)
    image.set_qform(shifted if qform else None, qform)
    image.set_sform(AFFINE if sform else None, sform)
    image.header["pixdim"][1:4] = 1.5, 0.9, 2.0
    path = save(tmp_path / "scan.nii", image)
    np.testing.assert_allclose(read_grid(path).affine, AFFINE if sform else shifted, atol=1e-6)


def test_a_big_endian_scaled_file_gives_native_numbers(tmp_path: Path):
    header = nib.Nifti1Header(endianness=">")
    image = nib.Nifti1Image(VOXELS.astype(">i2"), AFFINE, header)
    image.header.set_slope_inter(0.5, -3)
    volume = read_volume(save(tmp_path / "scan.nii.gz", image))
    assert volume.voxels.dtype.isnative
    np.testing.assert_allclose(volume.voxels, VOXELS * 0.5 - 3)


def test_a_header_is_read_without_its_voxels(tmp_path: Path):
    path = save(tmp_path / "scan.nii", nib.Nifti1Image(np.zeros((3, 4, 5, 2), np.float32), AFFINE))
    path.write_bytes(path.read_bytes()[:400])
    grid = read_grid(path)
    assert (grid.shape, grid.channels, grid.dtype) == ((3, 4, 5, 2), 2, np.float32)
    with pytest.raises(DataError, match=r"scan\.nii: cannot be read"):
        read_volume(path)


def test_monai_loads_the_same_voxels_and_affine(tmp_path: Path):
    path = save(tmp_path / "scan.nii.gz", nib.Nifti1Image(np.stack([VOXELS, VOXELS + 1], axis=-1), AFFINE))
    loaded = LoadImage(reader=VolumeReader, ensure_channel_first=True)(path)
    assert loaded.shape == (2, 3, 4, 5)
    np.testing.assert_array_equal(loaded[1], VOXELS + 1)
    np.testing.assert_allclose(loaded.affine, AFFINE)


def test_colours_are_no_numbers(tmp_path: Path):
    colours = np.zeros((3, 4, 5), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(DataError, match="one number per voxel"):
        read_volume(save(tmp_path / "rgb.nii.gz", nib.Nifti1Image(colours, AFFINE)))

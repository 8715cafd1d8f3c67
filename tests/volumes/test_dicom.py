"""A DICOM series is read by where its slices lie, and one that is no plain stack is refused by its folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from volume_formats import AFFINE, write_dicom, write_nifti

from cladeseg.files import DataError
from cladeseg.segmentation.transforms import LoadModalitiesd
from cladeseg.volumes import is_dicom_series, read_grid, read_volume

VOXELS = np.random.default_rng(0).integers(-900, 900, (7, 6, 9)).astype(np.int16)
SLICES = VOXELS.shape[2]


def change(key: str, of: int, value: Callable[[str], str]) -> Callable[[int, dict[str, str]], None]:
    def changed(z: int, tags: dict[str, str]) -> None:
        if z == of:
            tags[key] = value(tags.get(key, ""))

    return changed


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as error:
        read_volume(folder)
    assert str(error.value).startswith(str(folder))
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_monai_loads_a_folder_as_it_loads_a_file(tmp_path: Path) -> None:
    series, file = write_dicom(VOXELS, tmp_path / "series"), write_nifti(VOXELS, tmp_path / "a.nii.gz")
    one, other = (LoadModalitiesd()({"image": str(path)})["image"] for path in (series, file))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(one.affine, other.affine, atol=1e-5)


def test_other_files_and_hidden_ones_do_not_matter(tmp_path: Path) -> None:
    folder = write_dicom(VOXELS, tmp_path / "series")
    shutil.copy(folder / "slice00.dcm", folder / "DICOMDIR")
    (folder / "notes.txt").write_text("nothing")
    assert is_dicom_series(folder)
    np.testing.assert_array_equal(read_volume(folder).voxels, VOXELS)


def test_each_slice_has_a_rescale_of_its_own(tmp_path: Path) -> None:
    def rescaled(z: int, tags: dict[str, str]) -> None:
        tags["0028|1053"], tags["0028|1052"] = str(1 + z), "-1024"

    folder = write_dicom(VOXELS, tmp_path / "series", change=rescaled)
    stored = SimpleITK.ImageFileReader()
    stored.SetFileName(str(folder / "slice14.dcm"))
    stored.ReadImageInformation()
    assert stored.GetMetaData("0028|1053").strip() == "3"
    # The writer is given the rescaled values and keeps the multiples of the slope that lie below them.
    found = read_volume(folder).voxels
    for z in range(SLICES):
        assert np.abs(found[..., z] - VOXELS[..., z]).max() <= 1 + z


def test_a_single_slice_is_as_thick_as_it_says(tmp_path: Path) -> None:
    folder = write_dicom(VOXELS[:, :, :1], tmp_path / "series")
    grid = read_grid(folder)
    assert grid.shape == (7, 6, 1)
    np.testing.assert_allclose(grid.affine, AFFINE, atol=1e-6)


# ---- what is no plain stack ------------------------------------------------------------------------------------------


def test_two_series_in_one_folder_are_refused_with_both(tmp_path: Path) -> None:
    folder = write_dicom(VOXELS, tmp_path / "series")
    other = write_dicom(VOXELS, tmp_path / "other", series="1.2.3.4")
    for file in other.iterdir():
        file.rename(folder / f"other-{file.name}")
    assert "holds 2 DICOM series (1.2.3.4, 1.2.826.0.1.3680043.8.498.1 …); one folder for each" in refusal(folder)


def test_a_missing_slice_is_refused_with_the_gap(tmp_path: Path) -> None:
    folder = write_dicom(VOXELS, tmp_path / "series")
    (folder / f"slice{7 * 4 % 97:02d}.dcm").unlink()
    assert "2.5 mm apart, but 5 mm" in refusal(folder)


def test_two_slices_in_one_place_are_refused(tmp_path: Path) -> None:
    folder = write_dicom(VOXELS, tmp_path / "series")
    shutil.copy(folder / "slice00.dcm", folder / "again.dcm")
    assert "two slices lie in one place" in refusal(folder)


def test_slices_that_are_not_parallel_are_refused(tmp_path: Path) -> None:
    turn = change("0020|0037", 3, lambda _: "0\\1\\0\\0\\0\\1")
    assert "not parallel" in refusal(write_dicom(VOXELS, tmp_path / "series", change=turn))


def test_a_tilted_gantry_is_refused(tmp_path: Path) -> None:
    def tilted(z: int, tags: dict[str, str]) -> None:
        x, y, place = tags["0020|0032"].split("\\")
        tags["0020|0032"] = "\\".join((x, str(float(y) + 0.8 * z), place))

    assert "tilted gantry" in refusal(write_dicom(VOXELS, tmp_path / "series", change=tilted))


def test_slices_of_other_sizes_are_refused(tmp_path: Path) -> None:
    folder = write_dicom(VOXELS[:, :, :5], tmp_path / "series")
    for z, file in enumerate(sorted(write_dicom(VOXELS[:5], tmp_path / "small").iterdir())):
        if z == 8:
            file.rename(folder / "small.dcm")
    assert "differ in size" in refusal(folder)


def test_a_folder_without_dicom_files_and_a_single_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no DICOM image" in refusal(tmp_path / "empty")
    folder = write_dicom(VOXELS, tmp_path / "series")
    assert "name its folder" in refusal(folder / "slice00.dcm")


def test_a_torn_slice_is_refused_by_its_file(tmp_path: Path) -> None:
    folder = write_dicom(VOXELS, tmp_path / "series")
    torn = folder / "slice07.dcm"
    torn.write_bytes(torn.read_bytes()[:-40])
    assert "slice07.dcm" in refusal(folder)

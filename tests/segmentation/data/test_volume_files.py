"""A case's image is one file or one per channel; a folder's typical image comes from the headers."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.data import absolute_paths, first_grids, typical_volume, volume_files
from cladeseg.segmentation.data.layouts import scan
from cladeseg.segmentation.phantoms import write_acdc_phantoms
from cladeseg.volumes import Grid


def test_missing_channels_are_left_out_in_order():
    assert volume_files("a.nii") == [Path("a.nii")]
    assert volume_files([None, "b.nii", Path("a.nii")]) == [Path("b.nii"), Path("a.nii")]


@pytest.mark.parametrize("image", [[], [None, None]])
def test_an_image_without_any_file_is_refused(image):
    with pytest.raises(DataError, match="names no file"):
        volume_files(image)


def test_paths_of_every_channel_and_the_label_become_absolute(tmp_path):
    case = {"case": "a", "image": ["x.nii", None], "label": "l.nii", "missing_label": "m.nii"}
    assert absolute_paths(case, tmp_path) == {
        **case,
        "image": [str(tmp_path / "x.nii"), None],
        "label": str(tmp_path / "l.nii"),
    }


def grids(folder: Path) -> list[Grid]:
    return first_grids(absolute_paths(case, folder) for case in scan(folder, "acdc"))


def test_sizes_are_taken_in_one_order_however_a_file_is_turned(tmp_path):
    write_acdc_phantoms(tmp_path / "d", patients=3, seed=0, shape=(24, 24, 5), spacing=(4.0, 4.0, 9.0))
    shape, spacing = typical_volume(grids(tmp_path / "d"), "RAS")
    assert spacing == pytest.approx((4, 4, 9), rel=0.15)
    assert shape[2] == pytest.approx(5, abs=1)
    assert typical_volume(grids(tmp_path / "d"), "SPL") == (shape[::-1], spacing[::-1])


def test_stored_sizes_are_left_in_the_files_order():
    grid = Grid(Path("a.nii"), (9, 60, 50), np.diag([5.0, 1.0, 2.0, 1.0])[[1, 2, 0, 3]], np.dtype("u1"))
    assert typical_volume([grid], "stored") == ((9.0, 60.0, 50.0), (5.0, 1.0, 2.0))


def test_the_first_file_stands_for_a_case(tmp_path):
    one, other = (nib.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4)) for shape in ((3, 4, 5, 2), (6, 7, 8)))
    nib.save(one, tmp_path / "one.nii")
    nib.save(other, tmp_path / "other.nii")
    files = [tmp_path / "one.nii", tmp_path / "other.nii"]
    found = first_grids([{"image": [None, *map(str, files)]}, {"image": str(files[1])}])
    assert [grid.shape[:3] for grid in found] == [(3, 4, 5), (6, 7, 8)]


def test_a_file_without_header_is_named(tmp_path):
    write_acdc_phantoms(tmp_path / "d", patients=1, seed=0, shape=(24, 24, 4), spacing=(6.0, 6.0, 10.0))
    broken = tmp_path / "d" / "patient001" / "patient001_frame01.nii.gz"
    broken.write_bytes(b"nothing")
    with pytest.raises(DataError, match=broken.name):
        grids(tmp_path / "d")

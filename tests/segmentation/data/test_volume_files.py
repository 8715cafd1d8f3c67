"""A case's image is one file or one per channel; a folder's typical image comes from the headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.data import absolute_paths, typical_volume, volume_files
from cladeseg.segmentation.phantoms import write_acdc_phantoms


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


def test_the_thick_axis_is_last_however_a_file_is_turned(tmp_path):
    write_acdc_phantoms(tmp_path / "d", patients=3, seed=0, shape=(24, 24, 5), spacing=(4.0, 4.0, 9.0))
    shape, spacing = typical_volume(tmp_path / "d", "acdc")
    assert max(spacing) == spacing[2] == pytest.approx(9, rel=0.15)
    assert spacing[0] == pytest.approx(4, rel=0.15)
    assert shape[2] == pytest.approx(5, abs=1)


def test_a_file_without_header_is_named(tmp_path):
    write_acdc_phantoms(tmp_path / "d", patients=1, seed=0, shape=(24, 24, 4), spacing=(6.0, 6.0, 10.0))
    broken = tmp_path / "d" / "patient001" / "patient001_frame01.nii.gz"
    broken.write_bytes(b"nothing")
    with pytest.raises(DataError, match=broken.name):
        typical_volume(tmp_path / "d", "acdc")

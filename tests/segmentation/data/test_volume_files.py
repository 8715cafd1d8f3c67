"""A case's image is one file or one per channel."""

from __future__ import annotations

from pathlib import Path

import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.data import absolute_paths, volume_files


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

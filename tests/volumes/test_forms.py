"""A header that places its voxels in two ways is named, and the sform counts."""

from __future__ import annotations

import logging
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cladeseg.volumes import form_difference, read_grid, read_volume


def save(path: Path, shift: float, *, sform: int = 1, qform: int = 1) -> Path:
    """A file whose qform lies ``shift`` mm off its sform."""
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.uint8), None)
    moved = np.eye(4)
    moved[0, 3] = shift
    image.set_qform(moved, qform)
    image.set_sform(np.eye(4), sform, update_affine=True)
    nib.save(image, path)
    return path


def test_forms_that_differ_are_reported_and_the_sform_is_used(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = save(tmp_path / "a.nii.gz", 7.25)
    message = form_difference(read_grid(path))
    assert message == "its qform places it up to 7.2 mm from where its sform does; the sform is used"
    np.testing.assert_array_equal(read_grid(path).affine, np.eye(4))
    assert not caplog.records, "a header may be read many times"
    with caplog.at_level(logging.WARNING):
        read_volume(path)
    assert f"{path}: {message}" in caplog.text


@pytest.mark.parametrize(
    ("shift", "codes"), [(0.9, {}), (7.0, {"sform": 0}), (7.0, {"qform": 0})], ids=["near", "qform only", "sform only"]
)
def test_one_place_is_nothing_to_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, shift: float, codes: dict[str, int]
):
    path = save(tmp_path / "a.nii.gz", shift, **codes)
    assert form_difference(read_grid(path)) is None
    read_volume(path)
    assert not caplog.records


def test_a_qform_that_is_no_rotation_is_reported(tmp_path: Path):
    path = save(tmp_path / "a.nii", 0)
    content = bytearray(path.read_bytes())
    content[256:264] = np.array([1.0, 1.0], "<f4").tobytes()  # quatern_b and quatern_c, beyond any rotation
    path.write_bytes(content)
    assert "its qform cannot be read" in (form_difference(read_grid(path)) or "")

"""The typical volume of a folder."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.data.typical_volume import typical_volume
from cladeseg.segmentation.phantoms import write_acdc_phantoms


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
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4)), np.eye(4)), broken)

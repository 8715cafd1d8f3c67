"""A volume lies where another one lies, whatever channels either of them has."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from cladeseg.volumes import volume_like

AFFINE = np.array([[0.1, -2.0, 0, 10], [1.3, 0.2, 0, 20], [0, 0, -9.1, 30], [0, 0, 0, 1]])


def image(*shape: int) -> nib.Nifti1Image:
    made = nib.Nifti1Image(np.zeros(shape, np.float32), AFFINE)
    made.set_sform(AFFINE, 2)
    made.set_qform(AFFINE, 4)
    made.header.set_xyzt_units("mm", "msec")
    if len(shape) == 4:
        made.header["pixdim"][4] = 250
    return made


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4, 5, 2)])
@pytest.mark.parametrize("channels", [(), (4,)])
def test_affines_codes_spacing_and_units_are_the_image_s(shape: tuple[int, ...], channels: tuple[int, ...]):
    source = image(*shape)
    made = volume_like(np.ones((3, 4, 5, *channels), np.int16), source)
    np.testing.assert_array_equal(made.affine, source.affine)
    for form in ("get_sform", "get_qform"):
        (ours, code), (theirs, their_code) = (getattr(volume, form)(coded=True) for volume in (made, source))
        assert code == their_code
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(made.header["pixdim"][:4], source.header["pixdim"][:4])
    assert made.header.get_xyzt_units() == source.header.get_xyzt_units()
    assert made.header.get_zooms()[3:] == (1.0,) * len(channels)  # a channel lasts no 250 ms


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64])
def test_voxels_keep_their_type(dtype: type[np.generic]):
    made = volume_like(np.full((3, 4, 5), 7, dtype), image(3, 4, 5))
    assert made.get_data_dtype() == dtype


def test_a_file_of_another_format_gives_its_affine():
    made = volume_like(np.zeros((3, 4, 5), np.uint8), nib.MGHImage(np.zeros((3, 4, 5), np.float32), AFFINE))
    np.testing.assert_allclose(made.affine, AFFINE, atol=1e-6)

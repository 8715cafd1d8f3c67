"""A mask of a DICOM series becomes a segmentation object that says what each segment is and where it lies."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from volume_formats import AFFINE, write_dicom, write_nifti

from cladeseg.files import DataError
from cladeseg.segmentation.volumes import dicom_seg, output_ending, read_grid, require_highdicom, write_label

VOXELS = np.random.default_rng(0).integers(-900, 900, (7, 6, 9)).astype(np.int16)
LABEL = (np.abs(VOXELS) % 4).astype(np.uint8)
NAMES = {1: "right_ventricle", 3: "left_ventricle"}

with_highdicom = pytest.mark.skipif(find_spec("highdicom") is None, reason="needs the extra cladeseg[dicom]")


@with_highdicom
@pytest.mark.parametrize("label", [LABEL, np.where(LABEL == 1, 1, 0).astype(np.uint8)], ids=["both", "one"])
def test_each_structure_is_a_segment_on_the_slices_of_the_series(tmp_path: Path, label: np.ndarray) -> None:
    import highdicom

    series = write_dicom(VOXELS, tmp_path / "series")
    write_label(label, series, tmp_path / "mask.dcm", names=NAMES)
    found = highdicom.seg.segread(tmp_path / "mask.dcm")
    assert [found.get_segment_description(n).segment_label for n in (1, 2)] == ["right_ventricle", "left_ventricle"]
    order = [_uid(file) for file in read_grid(series).header]
    planes = found.get_pixels_by_source_instance(
        order, ignore_spatial_locations=True, assert_missing_frames_are_empty=True
    )
    for number, value in enumerate(NAMES):
        np.testing.assert_array_equal(planes[..., number].transpose(2, 1, 0), label == value)


def _uid(file: Path) -> str:
    import pydicom

    return str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID)


def test_without_highdicom_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_seg, "find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"needs highdicom; install cladeseg\[dicom\]"):
        require_highdicom()


def test_it_is_for_dicom_series_alone(tmp_path: Path) -> None:
    image = write_nifti(VOXELS, tmp_path / "a.nii.gz", AFFINE)
    with pytest.raises(DataError, match=rf"^{image}: is no DICOM series"):
        output_ending(image, "dicom-seg")
    assert output_ending(tmp_path, "dicom-seg") == ".dcm"

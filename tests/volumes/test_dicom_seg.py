"""A mask of a DICOM series becomes a segmentation object that says what each segment is and where it lies."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from volume_formats import AFFINE, write_dicom, write_nifti

from cladeseg.files import DataError
from cladeseg.volumes import (
    dicom_seg,
    output_ending,
    read_grid,
    read_volume,
    refuse_sources,
    require_highdicom,
    write_label,
)

VOXELS = np.random.default_rng(0).integers(-900, 900, (7, 6, 9)).astype(np.int16)
LABEL = (np.abs(VOXELS) % 4).astype(np.uint8)
NAMES = {1: "right_ventricle", 2: "myocardium", 3: "left_ventricle"}
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
COS, SIN = np.cos(0.3), np.sin(0.3)
TILTED = np.array([[0.8, 0, -0.6, 0], [0, 1, 0, 0], [0.6, 0, 0.8, 0], [0, 0, 0, 1]]) @ AFFINE
OBLIQUE = np.array([[COS, -SIN, 0, 0], [SIN, COS, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]) @ TILTED
SAGITTAL = np.array([[0, 0, 2.5, 3], [-1.5, 0, 0, 4], [0, -1.25, 0, 9], [0, 0, 0, 1.0]])
REVERSED = np.diag([1.0, 1, -1, 1])
PLACES = {
    "straight": AFFINE,
    "oblique": OBLIQUE,
    "sagittal": SAGITTAL,
    "reversed": AFFINE @ REVERSED,
    "oblique and reversed": OBLIQUE @ REVERSED,
}

with_highdicom = pytest.mark.skipif(find_spec("highdicom") is None, reason="needs the extra cladeseg[dicom]")


def written(series: Path, label: np.ndarray, names: dict[int, str] | None = None) -> Any:
    """The segmentation as highdicom reads it from its file."""
    import highdicom

    file = series.with_name("mask.dcm")
    write_label(label, series, file, names=NAMES if names is None else names)
    return highdicom.seg.segread(file)


def at_the_places_of(label: np.ndarray, affine: np.ndarray, shape: tuple[int, ...], to: np.ndarray) -> np.ndarray:
    """The label's integer at the place in RAS mm of each voxel of a volume; it fails for one between voxels."""
    voxels = np.indices(shape).reshape(3, -1)
    found = np.linalg.solve(affine, to @ np.vstack([voxels, np.ones(voxels.shape[1])]))[:3]
    assert np.abs(found - np.rint(found)).max() < 1e-3
    return label[tuple(np.rint(found).astype(int))].reshape(shape)


@with_highdicom
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("empty", [[], [0, 3, 4, 8]], ids=["all slices", "some slices"])
def test_every_voxel_lies_where_the_series_has_it(tmp_path: Path, place: str, empty: list[int]) -> None:
    """By the segmentation's own geometry; the series claims 1 mm between slices, which lie 2.5 mm apart."""
    series = write_dicom(VOXELS, tmp_path / "series", PLACES[place], change=_one_millimetre)
    volume = read_volume(series)
    label = (np.abs(volume.voxels) % 4).astype(np.uint8)
    label[:, :, empty] = 0
    found = written(series, label).get_volume(combine_segments=True, allow_missing_positions=True)
    assert np.prod(found.spatial_shape) >= np.prod(label.shape[:2]) * (label.any(axis=(0, 1)).sum())
    there = at_the_places_of(label, volume.grid.affine, found.spatial_shape, LPS_TO_RAS @ found.affine)
    np.testing.assert_array_equal(found.array, there)
    assert [(found.array == value).sum() for value in NAMES] == [(label == value).sum() for value in NAMES]


def _one_millimetre(z: int, tags: dict[str, str]) -> None:
    tags["0018|0088"] = "1"


@with_highdicom
def test_each_segment_refers_to_the_slices_that_it_was_found_in(tmp_path: Path) -> None:
    import pydicom

    series = write_dicom(VOXELS, tmp_path / "series", OBLIQUE)
    label = (np.abs(read_volume(series).voxels) % 4).astype(np.uint8)
    found = written(series, label)
    order = [str(pydicom.dcmread(file).SOPInstanceUID) for file in read_grid(series).header]
    planes = found.get_pixels_by_source_instance(order, assert_missing_frames_are_empty=True)
    for number, value in enumerate(NAMES):
        np.testing.assert_array_equal(planes[..., number].transpose(2, 1, 0), label == value)
    assert str(found.FrameOfReferenceUID) == str(pydicom.dcmread(read_grid(series).header[0]).FrameOfReferenceUID)


@with_highdicom
@pytest.mark.parametrize("values", [(1, 2, 3), (1, 2, 4), (4, 2, 300)])
def test_segments_are_numbered_from_one_and_called_after_their_integers(
    tmp_path: Path, values: tuple[int, ...]
) -> None:
    series = write_dicom(VOXELS, tmp_path / "series")
    names = dict(zip(values, NAMES.values(), strict=True))
    label = np.array([0, *values], np.int32)[LABEL]
    found = written(series, label, names)
    labels = [found.get_segment_description(number).segment_label for number in found.segment_numbers]
    assert labels == [names[value] for value in sorted(values)]
    for number, value in enumerate(sorted(values), start=1):
        assert found.get_volume(segment_numbers=[number]).array.sum() == (label == value).sum()


@with_highdicom
def test_a_structure_without_a_voxel_keeps_its_segment(tmp_path: Path) -> None:
    series = write_dicom(VOXELS, tmp_path / "series")
    found = written(series, np.where(LABEL == 3, 3, 0))
    assert [one.SegmentLabel for one in found.SegmentSequence] == [*NAMES.values()]
    assert found.get_volume(combine_segments=True).array.max() == 3
    assert found.get_volume(segment_numbers=[1]).array.sum() == 0


@with_highdicom
def test_a_mask_of_background_alone_can_be_written(tmp_path: Path) -> None:
    found = written(write_dicom(VOXELS, tmp_path / "series"), np.zeros_like(LABEL))
    assert [one.SegmentLabel for one in found.SegmentSequence] == [*NAMES.values()]
    assert found.get_volume().array.sum() == 0


@with_highdicom
def test_more_than_255_structures_do_not_wrap(tmp_path: Path) -> None:
    names = {value: f"s{value}" for value in range(1, 301)}
    label = np.arange(VOXELS.size).reshape(VOXELS.shape) % 301
    found = written(write_dicom(VOXELS, tmp_path / "series"), label, names)
    np.testing.assert_array_equal(found.get_volume(segment_numbers=[300]).array.sum(), (label == 300).sum())
    assert found.get_volume(segment_numbers=[44]).array.sum() == (label == 44).sum()


@with_highdicom
def test_long_names_and_names_in_any_script_stay_apart(tmp_path: Path) -> None:
    names = {1: "left_hippocampus_head", 2: "left_hippocampus_tail", 3: "äußerer_Kern_脑"}
    series = write_dicom(VOXELS, tmp_path / "series")
    found = written(series, LABEL, names)
    assert [one.SegmentLabel for one in found.SegmentSequence] == [*names.values()]
    types = [found.get_segment_description(number).segmented_property_type for number in (1, 2, 3)]
    assert [one.meaning for one in types] == [one.value for one in types] == [*names.values()]


@with_highdicom
def test_a_patients_name_in_another_encoding_is_kept(tmp_path: Path) -> None:
    import pydicom

    series = write_dicom(VOXELS, tmp_path / "series")
    for file in series.iterdir():
        one = pydicom.dcmread(file)
        one.SpecificCharacterSet, one.PatientName = "ISO_IR 100", "Müller^Jörg"
        one.save_as(file)
    assert str(written(series, LABEL).PatientName) == "Müller^Jörg"


@with_highdicom
def test_directions_may_differ_in_the_last_digits(tmp_path: Path) -> None:
    """As scanners round them; reading allows that too."""

    def rounded(z: int, tags: dict[str, str]) -> None:
        if z == 3:
            tags["0020|0037"] = "1\\0\\0.0001\\0\\1\\0"

    found = written(write_dicom(VOXELS, tmp_path / "series", change=rounded), LABEL)
    assert found.get_volume(combine_segments=True).spatial_shape == VOXELS.shape[::-1]


@with_highdicom
def test_integers_without_a_name_are_never_dropped(tmp_path: Path) -> None:
    series = write_dicom(VOXELS, tmp_path / "series")
    for names in ({}, {1: "right_ventricle"}):
        with pytest.raises(DataError, match=rf"^{series}: the label's integers .* have no name"):
            write_label(LABEL, series, tmp_path / "mask.dcm", names=names)
    assert not (tmp_path / "mask.dcm").exists()


@with_highdicom
def test_a_series_without_a_frame_of_reference_is_refused(tmp_path: Path) -> None:
    """highdicom would write a segmentation that does not say where it lies."""

    def without(z: int, tags: dict[str, str]) -> None:
        del tags["0020|0052"]

    series = write_dicom(VOXELS, tmp_path / "series", change=without)
    with pytest.raises(DataError, match=rf"^{series}.*no FrameOfReferenceUID; choose another output_format"):
        write_label(LABEL, series, tmp_path / "mask.dcm", names=NAMES)
    assert not (tmp_path / "mask.dcm").exists()


@with_highdicom
def test_a_segmentation_among_the_slices_is_no_slice(tmp_path: Path) -> None:
    series = write_dicom(VOXELS, tmp_path / "series", OBLIQUE)
    before = read_volume(series)
    write_label(LABEL, series, series / "series.dcm", names=NAMES)
    after = read_volume(series)
    assert after.grid.header == before.grid.header
    np.testing.assert_array_equal(after.voxels, before.voxels)


def test_a_slice_is_not_written_over(tmp_path: Path) -> None:
    series = write_dicom(VOXELS, tmp_path / "series")
    target = min(series.iterdir()).rename(series / "series.dcm")
    with pytest.raises(DataError, match=rf"^{target}: is one of the images"):
        refuse_sources([target], [series])
    refuse_sources([series / "other.dcm"], [series])


def test_without_highdicom_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_seg, "find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"needs highdicom; install cladeseg\[dicom\]"):
        require_highdicom()


def test_it_is_for_dicom_series_alone(tmp_path: Path) -> None:
    image = write_nifti(VOXELS, tmp_path / "a.nii.gz", AFFINE)
    with pytest.raises(DataError, match=rf"^{image}: is no DICOM series"):
        output_ending(image, "dicom-seg")
    assert output_ending(tmp_path, "dicom-seg") == ".dcm"

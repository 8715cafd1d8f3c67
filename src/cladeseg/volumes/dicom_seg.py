"""A mask of a DICOM series as a DICOM segmentation object, written by highdicom (the extra ``cladeseg[dicom]``)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes

from cladeseg.files import DataError
from cladeseg.volumes.grid import Grid

#: Designator of codes that no standard lists: names of a label tree.
_SCHEME = "99CLADESEG"
#: What the segmentation refers to; without the last it would not say where it lies.
_REFERENCES = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
#: UTF-8, for names of nodes and patients in any script.
_CHARACTERS = "ISO_IR 192"
_UINT8_SEGMENTS = 255
_WAY_OUT = "choose another output_format"


def require_highdicom() -> None:
    """Raise a DataError unless highdicom is installed."""
    if find_spec("highdicom") is None:
        raise DataError("output_format: 'dicom-seg' needs highdicom; install cladeseg[dicom]")


def write_dicom_seg(label: np.ndarray, grid: Grid, path: Path, names: Mapping[int, str]) -> None:
    """Write one binary segment for each structure, with references to the slices that it was found in.

    Segments are numbered from 1 in the order of their integers, also those without a voxel.

    Args:
        label: integers (x, y, z) on the series' grid.
        grid: of the series.
        path: where to.
        names: integer → name of its structure, without the background's.

    Raises:
        DataError: highdicom is not installed, the label holds two integers without a name, or a slice lacks what a
            segmentation repeats of it.
    """
    require_highdicom()
    import highdicom as hd

    numbers = _segment_numbers(label, names, grid.path)
    try:
        segmentation = hd.seg.Segmentation(
            source_images=_slices(grid),
            pixel_array=numbers.transpose(2, 1, 0),
            omit_empty_frames=bool(numbers.any()),
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_described(number, names[v]) for number, v in enumerate(sorted(names), start=1)],
            series_instance_uid=hd.UID(),
            series_number=1,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer="cladeseg",
            manufacturer_model_name="cladeseg",
            software_versions=version("cladeseg"),
            device_serial_number="0",
        )
        segmentation.SpecificCharacterSet = _CHARACTERS
        segmentation.save_as(path)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{grid.path}: cannot become a DICOM segmentation ({error}); {_WAY_OUT}") from error


def _segment_numbers(label: np.ndarray, names: Mapping[int, str], series: Path) -> np.ndarray:
    numbers = np.zeros(label.shape, np.uint8 if len(names) <= _UINT8_SEGMENTS else np.uint16)
    for number, value in enumerate(sorted(names), start=1):
        numbers[label == value] = number
    nameless = np.unique(label[numbers == 0]).tolist()
    if len(nameless) > 1:
        raise DataError(
            f"{series}: the label's integers {nameless} have no name, and one of them is background at most"
        )
    return numbers


def _slices(grid: Grid) -> list[Any]:
    """Headers in the grid's order; their geometry is the one that the voxels were read with.

    A segmentation repeats what the first slice says, and the distance of slices is wrong there in many a series.
    """
    import pydicom
    from pydicom.valuerep import format_number_as_ds

    slices = [pydicom.dcmread(file, stop_before_pixels=True) for file in grid.header]
    for file, one in zip(grid.header, slices, strict=True):
        missing = [name for name in _REFERENCES if not one.get(name)]
        if missing:
            raise DataError(
                f"{file}: cannot be referred to by a DICOM segmentation, it has no {missing[0]}; {_WAY_OUT}"
            )
        one.SpacingBetweenSlices = format_number_as_ds(float(voxel_sizes(grid.affine)[2]))
        one.ImageOrientationPatient = slices[0].ImageOrientationPatient
    return slices


def _described(number: int, name: str) -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=codes.SCT.Tissue,
        segmented_property_type=hd.sr.CodedConcept(name, _SCHEME, name),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="cladeseg", version=version("cladeseg"), family=codes.DCM.ArtificialIntelligence
        ),
    )

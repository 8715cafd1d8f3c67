"""A mask of a DICOM series as a DICOM segmentation object, written by highdicom (the extra ``cladeseg[dicom]``)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.files import DataError
from cladeseg.segmentation.volumes.grid import Grid

#: Designator of codes that no standard lists: names of a label tree.
_SCHEME = "99CLADESEG"
#: Letters that a code's value may have.
_CODE_LENGTH = 16


def require_highdicom() -> None:
    """Raise a DataError unless highdicom is installed."""
    if find_spec("highdicom") is None:
        raise DataError("output_format: 'dicom-seg' needs highdicom; install cladeseg[dicom]")


def write_dicom_seg(label: np.ndarray, grid: Grid, path: Path, names: Mapping[int, str]) -> None:
    """Write one binary segment for each structure, with references to the slices that it was found in.

    Args:
        label: integers (x, y, z) on the series' grid.
        grid: of the series.
        path: where to.
        names: integer → name of its structure; what it lacks is background.

    Raises:
        DataError: highdicom is not installed, or a slice lacks what a segmentation repeats of it.
    """
    require_highdicom()
    import highdicom as hd
    import pydicom

    slices = [pydicom.dcmread(file) for file in grid.header]
    values = sorted(names)
    numbers = np.zeros(label.shape, np.uint8)
    for number, value in enumerate(values, start=1):
        numbers[label == value] = number
    try:
        segmentation = hd.seg.Segmentation(
            source_images=slices,
            pixel_array=numbers.transpose(2, 1, 0),
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_described(number, names[value]) for number, value in enumerate(values, start=1)],
            series_instance_uid=hd.UID(),
            series_number=1,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer="cladeseg",
            manufacturer_model_name="cladeseg",
            software_versions=version("cladeseg"),
            device_serial_number="0",
        )
    except (AttributeError, ValueError, TypeError) as error:
        raise DataError(f"{grid.path}: cannot become a DICOM segmentation ({error})") from error
    segmentation.save_as(path)


def _described(number: int, name: str) -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=codes.SCT.Tissue,
        segmented_property_type=hd.sr.CodedConcept(name[:_CODE_LENGTH], _SCHEME, name),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="cladeseg", version=version("cladeseg"), family=codes.DCM.ArtificialIntelligence
        ),
    )

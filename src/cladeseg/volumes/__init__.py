"""Volumes in files: the one place that opens them, says where their voxels lie, and writes them back."""

from cladeseg.volumes.axes import (
    DEFAULT_ORDER,
    STORED,
    array_axes,
    check_axis_order,
    closest_axes,
    turn_to,
)
from cladeseg.volumes.dicom import is_dicom_file, is_dicom_series
from cladeseg.volumes.dicom_seg import require_highdicom
from cladeseg.volumes.formats import DICOM_SEG, OUTPUT_FORMATS, case_name, is_volume_file, output_ending
from cladeseg.volumes.forms import form_difference
from cladeseg.volumes.geometry import volume_like
from cladeseg.volumes.grid import Grid, corner_distance
from cladeseg.volumes.monai_reader import VolumeReader
from cladeseg.volumes.output_paths import output_path, refuse_sources
from cladeseg.volumes.read import Volume, read_grid, read_volume
from cladeseg.volumes.write_label import write_label
from cladeseg.volumes.write_map import write_map

__all__ = [
    "DEFAULT_ORDER",
    "DICOM_SEG",
    "OUTPUT_FORMATS",
    "STORED",
    "Grid",
    "Volume",
    "VolumeReader",
    "array_axes",
    "case_name",
    "check_axis_order",
    "closest_axes",
    "corner_distance",
    "form_difference",
    "is_dicom_file",
    "is_dicom_series",
    "is_volume_file",
    "output_ending",
    "output_path",
    "read_grid",
    "read_volume",
    "refuse_sources",
    "require_highdicom",
    "turn_to",
    "volume_like",
    "write_label",
    "write_map",
]

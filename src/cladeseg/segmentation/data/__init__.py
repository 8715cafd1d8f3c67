"""Folders on disk → datalists → cached cases and batches: layouts, supervision, integrity."""

from cladeseg.segmentation.data.acdc import scan_acdc
from cladeseg.segmentation.data.acquisition import AxisOrder, choose_axis_order, mixed_planes
from cladeseg.segmentation.data.brats import BRATS_MODALITIES, scan_brats
from cladeseg.segmentation.data.cached_dataset import CachedDataset, estimate_bytes
from cladeseg.segmentation.data.channels import channel_names
from cladeseg.segmentation.data.datalist import (
    build_datalist,
    cases_of,
    load_datalist,
    open_or_build_datalist,
    refuse_changed_files,
    store_datalist,
)
from cladeseg.segmentation.data.datalist_settings import DatalistSettings
from cladeseg.segmentation.data.dataset_check import DatasetCheck, check_dataset
from cladeseg.segmentation.data.image_files import RECORD
from cladeseg.segmentation.data.image_split import split_images
from cladeseg.segmentation.data.images import find_images
from cladeseg.segmentation.data.integrity import (
    Finding,
    Inspection,
    channels_of,
    inspect_case,
    inspect_cases,
    inspect_images,
    raise_if_fatal,
)
from cladeseg.segmentation.data.label_conventions import detect_label_convention, resolve_label_convention
from cladeseg.segmentation.data.label_volumes import label_volumes, volumes_by_structure
from cladeseg.segmentation.data.layouts import LAYOUTS, recognise_layout, resolve_layout, scan, scan_with_channels
from cladeseg.segmentation.data.msd import scan_msd
from cladeseg.segmentation.data.sampler import SupervisionSampler, pool_of, training_loader
from cladeseg.segmentation.data.stack_modalities import stack_folder, stack_modalities
from cladeseg.segmentation.data.supervision import supervision_of
from cladeseg.segmentation.data.volume_files import (
    ImageFiles,
    absolute_paths,
    channel_files,
    first_grids,
    typical_volume,
    volume_files,
)
from cladeseg.segmentation.data.volume_store import VolumeStore, clean_store, content_of

__all__ = [
    "BRATS_MODALITIES",
    "LAYOUTS",
    "RECORD",
    "AxisOrder",
    "CachedDataset",
    "DatalistSettings",
    "DatasetCheck",
    "Finding",
    "ImageFiles",
    "Inspection",
    "SupervisionSampler",
    "VolumeStore",
    "absolute_paths",
    "build_datalist",
    "cases_of",
    "channel_files",
    "channel_names",
    "channels_of",
    "check_dataset",
    "choose_axis_order",
    "clean_store",
    "content_of",
    "detect_label_convention",
    "estimate_bytes",
    "find_images",
    "first_grids",
    "inspect_case",
    "inspect_cases",
    "inspect_images",
    "label_volumes",
    "load_datalist",
    "mixed_planes",
    "open_or_build_datalist",
    "pool_of",
    "raise_if_fatal",
    "recognise_layout",
    "refuse_changed_files",
    "resolve_label_convention",
    "resolve_layout",
    "scan",
    "scan_acdc",
    "scan_brats",
    "scan_msd",
    "scan_with_channels",
    "split_images",
    "stack_folder",
    "stack_modalities",
    "store_datalist",
    "supervision_of",
    "training_loader",
    "typical_volume",
    "volume_files",
    "volumes_by_structure",
]

"""Folders on disk → datalists → cached cases and batches: layouts, supervision, integrity."""

from cladeseg.segmentation.data.acdc import scan_acdc
from cladeseg.segmentation.data.brats import BRATS_MODALITIES, scan_brats
from cladeseg.segmentation.data.cached_dataset import CachedDataset, estimate_bytes
from cladeseg.segmentation.data.channels import channel_names
from cladeseg.segmentation.data.datalist import (
    build_datalist,
    cases_of,
    load_datalist,
    open_or_build_datalist,
    store_datalist,
)
from cladeseg.segmentation.data.datalist_settings import DatalistSettings
from cladeseg.segmentation.data.dataset_check import DatasetCheck, check_dataset
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
from cladeseg.segmentation.data.layouts import LAYOUTS, resolve_layout, scan, scan_with_channels
from cladeseg.segmentation.data.msd import scan_msd
from cladeseg.segmentation.data.sampler import SupervisionSampler, pool_of, training_loader
from cladeseg.segmentation.data.stack_modalities import stack_folder, stack_modalities
from cladeseg.segmentation.data.supervision import supervision_of
from cladeseg.segmentation.data.volume_files import (
    ImageFiles,
    absolute_paths,
    channel_files,
    typical_volume,
    volume_files,
)

__all__ = [
    "BRATS_MODALITIES",
    "LAYOUTS",
    "CachedDataset",
    "DatalistSettings",
    "DatasetCheck",
    "Finding",
    "ImageFiles",
    "Inspection",
    "SupervisionSampler",
    "absolute_paths",
    "build_datalist",
    "cases_of",
    "channel_files",
    "channel_names",
    "channels_of",
    "check_dataset",
    "detect_label_convention",
    "estimate_bytes",
    "find_images",
    "inspect_case",
    "inspect_cases",
    "inspect_images",
    "load_datalist",
    "open_or_build_datalist",
    "pool_of",
    "raise_if_fatal",
    "resolve_label_convention",
    "resolve_layout",
    "scan",
    "scan_acdc",
    "scan_brats",
    "scan_msd",
    "scan_with_channels",
    "stack_folder",
    "stack_modalities",
    "store_datalist",
    "supervision_of",
    "training_loader",
    "typical_volume",
    "volume_files",
]

"""Folders on disk → datalists → cached cases and batches: layouts, integrity, splits, phantoms."""

from cladeseg.data.acdc import scan_acdc
from cladeseg.data.brats import scan_brats
from cladeseg.data.brats_naming import BRATS_MODALITIES
from cladeseg.data.cache import CaseCache, estimate_bytes
from cladeseg.data.datalist import build_datalist, cases_of, load_datalist, open_or_build_datalist, store_datalist
from cladeseg.data.datalist_settings import DatalistSettings
from cladeseg.data.dataset_check import DatasetCheck, check_dataset
from cladeseg.data.dialects import recognise_dialect, resolve_dialect
from cladeseg.data.fingerprint import fingerprint
from cladeseg.data.images import find_images
from cladeseg.data.integrity import (
    Finding,
    Inspection,
    channels_of,
    inspect_case,
    inspect_cases,
    inspect_images,
    require_sound,
)
from cladeseg.data.layouts import LAYOUTS, scan
from cladeseg.data.loader import training_loader
from cladeseg.data.msd import scan_msd
from cladeseg.data.phantom_brats import write_brats_phantoms
from cladeseg.data.phantom_msd import write_msd_phantoms
from cladeseg.data.phantoms import write_acdc_phantoms
from cladeseg.data.sampler import SupervisionSampler, pool_of
from cladeseg.data.split import draw_fine, split_patients
from cladeseg.data.stack import stack_folder, stack_modalities
from cladeseg.data.supervision import supervision_of
from cladeseg.data.typical_volume import typical_volume
from cladeseg.data.volume_files import ImageFiles, absolute_paths, channel_files, volume_files
from cladeseg.errors import DataError

__all__ = [
    "BRATS_MODALITIES",
    "LAYOUTS",
    "CaseCache",
    "DataError",
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
    "channels_of",
    "check_dataset",
    "draw_fine",
    "estimate_bytes",
    "find_images",
    "fingerprint",
    "inspect_case",
    "inspect_cases",
    "inspect_images",
    "load_datalist",
    "open_or_build_datalist",
    "pool_of",
    "recognise_dialect",
    "require_sound",
    "resolve_dialect",
    "scan",
    "scan_acdc",
    "scan_brats",
    "scan_msd",
    "split_patients",
    "stack_folder",
    "stack_modalities",
    "store_datalist",
    "supervision_of",
    "training_loader",
    "typical_volume",
    "volume_files",
    "write_acdc_phantoms",
    "write_brats_phantoms",
    "write_msd_phantoms",
]

"""Folders on disk → datalists → cached cases and batches: layouts, integrity, splits, phantoms."""

from cladeseg.data.acdc import scan_acdc
from cladeseg.data.cache import CaseCache, estimate_bytes
from cladeseg.data.datalist import build_datalist, cases_of, load_datalist, open_or_build_datalist, store_datalist
from cladeseg.data.datalist_settings import DatalistSettings
from cladeseg.data.dataset_check import DatasetCheck, check_dataset
from cladeseg.data.fingerprint import fingerprint
from cladeseg.data.images import find_images
from cladeseg.data.integrity import (
    Finding,
    Inspection,
    inspect_case,
    inspect_cases,
    inspect_images,
    require_sound,
)
from cladeseg.data.layouts import LAYOUTS, scan
from cladeseg.data.loader import training_loader
from cladeseg.data.phantoms import write_acdc_phantoms
from cladeseg.data.sampler import SupervisionSampler, pool_of
from cladeseg.data.split import draw_fine, split_patients
from cladeseg.errors import DataError

__all__ = [
    "LAYOUTS",
    "CaseCache",
    "DataError",
    "DatalistSettings",
    "DatasetCheck",
    "Finding",
    "Inspection",
    "SupervisionSampler",
    "build_datalist",
    "cases_of",
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
    "require_sound",
    "scan",
    "scan_acdc",
    "split_patients",
    "store_datalist",
    "training_loader",
    "write_acdc_phantoms",
]

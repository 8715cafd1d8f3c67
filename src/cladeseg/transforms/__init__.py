"""Dictionary transforms, one per file, and the batch augmentation that runs on the device."""

from cladeseg.transforms.augment_batch import BatchAugment
from cladeseg.transforms.check_image import CheckImaged
from cladeseg.transforms.crop_to_nodes import CropToNodesd
from cladeseg.transforms.load_nodes import LoadNodesd
from cladeseg.transforms.patch import SupervisedPatch
from cladeseg.transforms.save_label import SaveLabeld, case_name, write_label
from cladeseg.transforms.slices_last import OrientSlicesLastd, slices_last_axcodes
from cladeseg.transforms.spacing import Spacingd
from cladeseg.transforms.to_label import LeavesToLabeld, ProbabilitiesFromLogsd

__all__ = [
    "BatchAugment",
    "CheckImaged",
    "CropToNodesd",
    "LeavesToLabeld",
    "LoadNodesd",
    "OrientSlicesLastd",
    "ProbabilitiesFromLogsd",
    "SaveLabeld",
    "Spacingd",
    "SupervisedPatch",
    "case_name",
    "slices_last_axcodes",
    "write_label",
]

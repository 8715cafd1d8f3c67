"""Dictionary transforms, one per file, and the batch augmentation that runs on the device."""

from cladeseg.transforms.augment_batch import BatchAugment
from cladeseg.transforms.augment_in_turn import AugmentInTurn
from cladeseg.transforms.check_image import CheckImaged
from cladeseg.transforms.geometry import volume_like
from cladeseg.transforms.load_modalities import LoadModalitiesd
from cladeseg.transforms.load_nodes import LoadNodesd
from cladeseg.transforms.modality_dropout import ModalityDropout
from cladeseg.transforms.patch import SupervisedPatch
from cladeseg.transforms.postprocessing import postprocessing
from cladeseg.transforms.preprocessing import chosen_modalities, preprocessing
from cladeseg.transforms.region_transfer import GuessPartsd, RegionTransfer
from cladeseg.transforms.save_label import SaveLabeld, case_name, write_label
from cladeseg.transforms.slices_last import OrientSlicesLastd, slices_last_axcodes
from cladeseg.transforms.spacing import Spacingd
from cladeseg.transforms.to_label import LeavesToLabeld, ProbabilitiesFromLogsd

__all__ = [
    "AugmentInTurn",
    "BatchAugment",
    "CheckImaged",
    "GuessPartsd",
    "LeavesToLabeld",
    "LoadModalitiesd",
    "LoadNodesd",
    "ModalityDropout",
    "OrientSlicesLastd",
    "ProbabilitiesFromLogsd",
    "RegionTransfer",
    "SaveLabeld",
    "Spacingd",
    "SupervisedPatch",
    "case_name",
    "chosen_modalities",
    "postprocessing",
    "preprocessing",
    "slices_last_axcodes",
    "volume_like",
    "write_label",
]

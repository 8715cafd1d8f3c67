"""Dictionary transforms, one per file, and the batch augmentation that runs on the device."""

from cladeseg.segmentation.transforms.augment_batch import BatchAugment
from cladeseg.segmentation.transforms.check_image import CheckImaged, CheckNormalised
from cladeseg.segmentation.transforms.compose_batch import ComposeBatch
from cladeseg.segmentation.transforms.label_propagation import LabelPropagation, PropagateLabelsd
from cladeseg.segmentation.transforms.load_modalities import LoadModalitiesd
from cladeseg.segmentation.transforms.load_nodes import LoadNodesd
from cladeseg.segmentation.transforms.modality_dropout import ModalityDropout
from cladeseg.segmentation.transforms.postprocessing import postprocessing
from cladeseg.segmentation.transforms.preprocessing import chosen_modalities, preprocessing
from cladeseg.segmentation.transforms.random_foreground_crop import RandomForegroundCrop
from cladeseg.segmentation.transforms.save_label import SaveLabeld
from cladeseg.segmentation.transforms.slices_last import OrientSlicesLastd, slices_last_axcodes
from cladeseg.segmentation.transforms.spacing import Spacingd
from cladeseg.segmentation.transforms.to_label import LeavesToLabeld, ProbabilitiesFromLogsd

__all__ = [
    "BatchAugment",
    "CheckImaged",
    "CheckNormalised",
    "ComposeBatch",
    "LabelPropagation",
    "LeavesToLabeld",
    "LoadModalitiesd",
    "LoadNodesd",
    "ModalityDropout",
    "OrientSlicesLastd",
    "ProbabilitiesFromLogsd",
    "PropagateLabelsd",
    "RandomForegroundCrop",
    "SaveLabeld",
    "Spacingd",
    "chosen_modalities",
    "postprocessing",
    "preprocessing",
    "slices_last_axcodes",
]

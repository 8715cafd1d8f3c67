"""Dictionary transforms, one per file, and the batch augmentation that runs on the device."""

from cladeseg.segmentation.transforms.augment_batch import BatchAugment
from cladeseg.segmentation.transforms.batch_share import BatchShare
from cladeseg.segmentation.transforms.check_image import CheckImaged, CheckNormalised
from cladeseg.segmentation.transforms.coarsen import coarsen_image, coarsen_nodes
from cladeseg.segmentation.transforms.compose_batch import ComposeBatch
from cladeseg.segmentation.transforms.intensity_em import IntensityEM
from cladeseg.segmentation.transforms.keep_largest import KeepLargestRegiond, check_regions, region_names
from cladeseg.segmentation.transforms.label_propagation import LabelPropagation
from cladeseg.segmentation.transforms.leave_one_out import LeftOut, leave_one_out, part_dice
from cladeseg.segmentation.transforms.load_modalities import LoadModalitiesd
from cladeseg.segmentation.transforms.load_nodes import LoadNodesd
from cladeseg.segmentation.transforms.low_pass import low_pass
from cladeseg.segmentation.transforms.mirror import UNMIRRORED, Views, along_array_axes, mirror, mirrored_views
from cladeseg.segmentation.transforms.modality_dropout import ModalityDropout
from cladeseg.segmentation.transforms.orient_axes import OrientAxesd
from cladeseg.segmentation.transforms.overview import AddOverviewd
from cladeseg.segmentation.transforms.postprocessing import postprocessing
from cladeseg.segmentation.transforms.preprocessing import chosen_modalities, preprocessing
from cladeseg.segmentation.transforms.random_foreground_crop import RandomForegroundCrop
from cladeseg.segmentation.transforms.region_boxes import RegionBoxes, fit_box, slices_of, without_overlap
from cladeseg.segmentation.transforms.region_labels import LabelRegionsd, RegionLabels
from cladeseg.segmentation.transforms.save_label import SaveLabeld
from cladeseg.segmentation.transforms.spacing import Spacingd
from cladeseg.segmentation.transforms.standardise import standardise
from cladeseg.segmentation.transforms.to_label import (
    LeavesToLabeld,
    ProbabilitiesFromLogsd,
    check_scores,
    names_of_values,
)
from cladeseg.segmentation.transforms.two_views import TwoViews

__all__ = [
    "UNMIRRORED",
    "AddOverviewd",
    "BatchAugment",
    "BatchShare",
    "CheckImaged",
    "CheckNormalised",
    "ComposeBatch",
    "IntensityEM",
    "KeepLargestRegiond",
    "LabelPropagation",
    "LabelRegionsd",
    "LeavesToLabeld",
    "LeftOut",
    "LoadModalitiesd",
    "LoadNodesd",
    "ModalityDropout",
    "OrientAxesd",
    "ProbabilitiesFromLogsd",
    "RandomForegroundCrop",
    "RegionBoxes",
    "RegionLabels",
    "SaveLabeld",
    "Spacingd",
    "TwoViews",
    "Views",
    "along_array_axes",
    "check_regions",
    "check_scores",
    "chosen_modalities",
    "coarsen_image",
    "coarsen_nodes",
    "fit_box",
    "leave_one_out",
    "low_pass",
    "mirror",
    "mirrored_views",
    "names_of_values",
    "part_dice",
    "postprocessing",
    "preprocessing",
    "region_names",
    "slices_of",
    "standardise",
    "without_overlap",
]

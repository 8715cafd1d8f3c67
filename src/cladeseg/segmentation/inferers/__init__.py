"""From images to labels, probabilities, uncertainty and volumes on their own grid."""

from cladeseg.segmentation.inferers.coarse_to_fine import CoarseToFineInferer
from cladeseg.segmentation.inferers.flips import flips_of
from cladeseg.segmentation.inferers.prediction import Prediction
from cladeseg.segmentation.inferers.predictor import Predictor
from cladeseg.segmentation.inferers.sliding_window import sliding_window
from cladeseg.segmentation.inferers.two_passes import BoxInferer, TwoPassInferer
from cladeseg.segmentation.inferers.uncertainty import uncertainty_map
from cladeseg.segmentation.inferers.volumes_file import cases_in, volume_rows, write_volumes
from cladeseg.segmentation.inferers.write_maps import write_probabilities, write_uncertainty

__all__ = [
    "BoxInferer",
    "CoarseToFineInferer",
    "Prediction",
    "Predictor",
    "TwoPassInferer",
    "cases_in",
    "flips_of",
    "sliding_window",
    "uncertainty_map",
    "volume_rows",
    "write_probabilities",
    "write_uncertainty",
    "write_volumes",
]

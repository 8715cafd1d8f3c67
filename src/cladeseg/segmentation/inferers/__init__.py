"""From images to labels on their own grid."""

from cladeseg.segmentation.inferers.predictor import Predictor
from cladeseg.segmentation.inferers.sliding_window import sliding_window

__all__ = ["Predictor", "sliding_window"]

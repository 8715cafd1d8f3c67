"""From images to labels on their own grid."""

from cladeseg.inferers.predictor import Predictor

__all__ = ["Predictor"]

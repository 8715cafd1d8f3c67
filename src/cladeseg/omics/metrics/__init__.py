"""Scores of predicted classes and of how far their probabilities can be trusted."""

from cladeseg.omics.metrics.calibration_error import (
    ReliabilityBin,
    class_reliability,
    expected_calibration_error,
    reliability,
)
from cladeseg.omics.metrics.class_scores import class_scores

__all__ = ["ReliabilityBin", "class_reliability", "class_scores", "expected_calibration_error", "reliability"]

"""Estimates with intervals, paired differences, scores of classes and of calibration.  Arrays in, estimates out."""

from cladeseg.statistics.bootstrap import Estimate, PatientBootstrap, no_estimate
from cladeseg.statistics.calibration_error import (
    ReliabilityBin,
    class_reliability,
    expected_calibration_error,
    reliability,
)
from cladeseg.statistics.class_scores import class_scores
from cladeseg.statistics.crossed_bootstrap import CrossedBootstrap
from cladeseg.statistics.differences import (
    draw_means,
    draws_won,
    gap_closed,
    mean_score,
    paired_difference,
    relative_score,
    worst_relative_draw,
)
from cladeseg.statistics.fold_scores import FoldBootstrap, FoldScores
from cladeseg.statistics.subtype_scores import SCORES, subtype_scores

__all__ = [
    "SCORES",
    "CrossedBootstrap",
    "Estimate",
    "FoldBootstrap",
    "FoldScores",
    "PatientBootstrap",
    "ReliabilityBin",
    "class_reliability",
    "class_scores",
    "draw_means",
    "draws_won",
    "expected_calibration_error",
    "gap_closed",
    "mean_score",
    "no_estimate",
    "paired_difference",
    "relative_score",
    "reliability",
    "subtype_scores",
    "worst_relative_draw",
]

"""Mixing: the teacher, its pseudo labels, and the pastes that turn coarse cases into fine ones."""

from cladeseg.segmentation.mixing.hierarchical_mix import HierarchicalMix, MixedBatch, MixLoss
from cladeseg.segmentation.mixing.pseudo_label import PseudoLabeller
from cladeseg.segmentation.mixing.ramp import SigmoidRamp
from cladeseg.segmentation.mixing.region_paste import align_region, feathered, match_intensities, paste
from cladeseg.segmentation.mixing.teacher import EmaTeacher

__all__ = [
    "EmaTeacher",
    "HierarchicalMix",
    "MixLoss",
    "MixedBatch",
    "PseudoLabeller",
    "SigmoidRamp",
    "align_region",
    "feathered",
    "match_intensities",
    "paste",
]

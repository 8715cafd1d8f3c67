"""Mixing: the teacher, its pseudo labels, and the pastes that turn coarse cases into fine ones."""

from cladeseg.mixing.hierarchical_mix import HierarchicalMix, MixedBatch, MixLoss
from cladeseg.mixing.pseudo_label import PseudoLabeller
from cladeseg.mixing.ramp import SigmoidRamp
from cladeseg.mixing.region_paste import align_region, centre_and_extent, paste
from cladeseg.mixing.teacher import EmaTeacher

__all__ = [
    "EmaTeacher",
    "HierarchicalMix",
    "MixLoss",
    "MixedBatch",
    "PseudoLabeller",
    "SigmoidRamp",
    "align_region",
    "centre_and_extent",
    "paste",
]

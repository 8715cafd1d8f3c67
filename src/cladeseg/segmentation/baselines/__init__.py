"""Published semi-supervised methods on the shared engine, each with the superclass loss added."""

from cladeseg.segmentation.baselines.bcp import BcpStep
from cladeseg.segmentation.baselines.build_method import METHODS, WITHOUT_TEACHER, build_method
from cladeseg.segmentation.baselines.cross_pseudo import CrossPseudoStep
from cladeseg.segmentation.baselines.mean_teacher import MeanTeacherStep
from cladeseg.segmentation.baselines.unimatch import UniMatchStep

__all__ = [
    "METHODS",
    "WITHOUT_TEACHER",
    "BcpStep",
    "CrossPseudoStep",
    "MeanTeacherStep",
    "UniMatchStep",
    "build_method",
]

"""Folders of images, expression and labels → patients, either of whose modalities may be missing."""

from cladeseg.fusion.data.cohort import MODALITIES, FusionCohort
from cladeseg.fusion.data.dataset import read_fusion_dataset

__all__ = ["MODALITIES", "FusionCohort", "read_fusion_dataset"]

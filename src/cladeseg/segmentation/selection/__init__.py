"""Which cases an expert should label finely, judged by images and superclass outlines alone."""

from cladeseg.segmentation.selection.features import Feature, case_features, shell_around
from cladeseg.segmentation.selection.medoids import k_medoids
from cladeseg.segmentation.selection.page import outline_picture, selection_markdown, write_selection
from cladeseg.segmentation.selection.propose import Proposal, propose, select_cases
from cladeseg.segmentation.selection.run_selection import run_selection, training_patients
from cladeseg.segmentation.selection.superclass_view import SuperclassLoader, SuperclassView, resolve_superclass
from cladeseg.segmentation.selection.survey import Survey, survey_cases
from cladeseg.segmentation.selection.uncertainty import doubts, leaf_doubt

__all__ = [
    "Feature",
    "Proposal",
    "SuperclassLoader",
    "SuperclassView",
    "Survey",
    "case_features",
    "doubts",
    "k_medoids",
    "leaf_doubt",
    "outline_picture",
    "propose",
    "resolve_superclass",
    "run_selection",
    "select_cases",
    "selection_markdown",
    "shell_around",
    "survey_cases",
    "training_patients",
    "write_selection",
]

"""Which cases an expert should label finely, judged by images and superclass outlines alone."""

from cladeseg.segmentation.selection.candidates import CandidateFeatures, candidate_features
from cladeseg.segmentation.selection.features import Feature, case_features, shell_around
from cladeseg.segmentation.selection.medoids import k_medoids
from cladeseg.segmentation.selection.page import outline_picture, selection_markdown, write_selection
from cladeseg.segmentation.selection.propose import Proposal, propose, select_cases
from cladeseg.segmentation.selection.run_selection import run_selection, training_patients
from cladeseg.segmentation.selection.superclass_view import SuperclassLoader, SuperclassView, resolve_superclass
from cladeseg.segmentation.selection.uncertainty import case_uncertainty, uncertainties

__all__ = [
    "CandidateFeatures",
    "Feature",
    "Proposal",
    "SuperclassLoader",
    "SuperclassView",
    "candidate_features",
    "case_features",
    "case_uncertainty",
    "k_medoids",
    "outline_picture",
    "propose",
    "resolve_superclass",
    "run_selection",
    "select_cases",
    "selection_markdown",
    "shell_around",
    "training_patients",
    "uncertainties",
    "write_selection",
]

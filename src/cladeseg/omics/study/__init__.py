"""Ours and all baselines over draws of labels and under stress."""

from cladeseg.omics.study.cell import OURS, CellKey, StudyPlan, run_cell
from cladeseg.omics.study.goals import Goal, goals
from cladeseg.omics.study.results_markdown import results_markdown
from cladeseg.omics.study.study import SHARES, read_study, run_study, study_cells
from cladeseg.omics.study.study_page import study_page
from cladeseg.omics.study.summary import calibration_table, coarse_gain, common_features, study_table, taught_gain

__all__ = [
    "OURS",
    "SHARES",
    "CellKey",
    "Goal",
    "StudyPlan",
    "calibration_table",
    "coarse_gain",
    "common_features",
    "goals",
    "read_study",
    "results_markdown",
    "run_cell",
    "run_study",
    "study_cells",
    "study_page",
    "study_table",
    "taught_gain",
]

"""Ours and all baselines over draws of labels and under stress."""

from cladeseg.omics.study.cell import OURS, CellKey, StudyPlan, run_cell
from cladeseg.omics.study.study import SHARES, read_study, run_study, study_cells

__all__ = [
    "OURS",
    "SHARES",
    "CellKey",
    "StudyPlan",
    "read_study",
    "run_cell",
    "run_study",
    "study_cells",
]

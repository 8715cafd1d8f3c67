"""How well kinds that no training saw are grouped, method by method, over draws of the kinds that are kept back."""

from cladeseg.clustering.study.blood_cells import read_study_objects
from cladeseg.clustering.study.candidates import candidate_page
from cladeseg.clustering.study.draw import Draw, StudyPlan, run_draw
from cladeseg.clustering.study.study import read_candidates, run_study, study_draws
from cladeseg.clustering.study.table import study_page, study_table

__all__ = [
    "Draw",
    "StudyPlan",
    "candidate_page",
    "read_candidates",
    "read_study_objects",
    "run_draw",
    "run_study",
    "study_draws",
    "study_page",
    "study_table",
]

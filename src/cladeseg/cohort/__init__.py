"""Patients: splits, folds and draws by seed, and hashes that are equal for equal sets of cases."""

from cladeseg.cohort.fingerprint import fingerprint
from cladeseg.cohort.folds import cross_folds, dealt_folds
from cladeseg.cohort.split import draw_fine, draw_share, merge_overlapping, split_patients

__all__ = [
    "cross_folds",
    "dealt_folds",
    "draw_fine",
    "draw_share",
    "fingerprint",
    "merge_overlapping",
    "split_patients",
]

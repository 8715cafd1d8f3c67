"""Patients: splits and draws by seed, and hashes that are equal for equal sets of cases."""

from cladeseg.cohort.fingerprint import fingerprint
from cladeseg.cohort.split import draw_fine, merge_overlapping, split_patients

__all__ = [
    "draw_fine",
    "fingerprint",
    "merge_overlapping",
    "split_patients",
]

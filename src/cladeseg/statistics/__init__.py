"""Estimates with intervals: bootstraps over patients and draws, paired differences."""

from cladeseg.statistics.bootstrap import Estimate, PatientBootstrap
from cladeseg.statistics.crossed_bootstrap import CrossedBootstrap

__all__ = [
    "CrossedBootstrap",
    "Estimate",
    "PatientBootstrap",
]

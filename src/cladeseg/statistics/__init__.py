"""Estimates with intervals: bootstraps over patients and draws, paired differences.  Arrays in, estimates out."""

from cladeseg.statistics.bootstrap import Estimate, PatientBootstrap, no_estimate
from cladeseg.statistics.crossed_bootstrap import CrossedBootstrap
from cladeseg.statistics.differences import (
    draw_means,
    draws_won,
    gap_closed,
    mean_score,
    paired_difference,
    relative_score,
    worst_relative_draw,
)

__all__ = [
    "CrossedBootstrap",
    "Estimate",
    "PatientBootstrap",
    "draw_means",
    "draws_won",
    "gap_closed",
    "mean_score",
    "no_estimate",
    "paired_difference",
    "relative_score",
    "worst_relative_draw",
]

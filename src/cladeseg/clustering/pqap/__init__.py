"""Similarity of two objects by their key points: partial quadratic assignment (arXiv 2403.13376)."""

from cladeseg.clustering.pqap.objective import PqapParameters, similarity
from cladeseg.clustering.pqap.solver import Match, SolverEffort, solve

__all__ = ["Match", "PqapParameters", "SolverEffort", "similarity", "solve"]

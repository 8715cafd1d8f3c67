"""Similarity of two objects by their key points: partial quadratic assignment (arXiv 2403.13376)."""

from cladeseg.clustering.pqap.all_pairs import pair_similarities
from cladeseg.clustering.pqap.learn import LearntParameters, learn_parameters
from cladeseg.clustering.pqap.objective import PqapParameters, similarity
from cladeseg.clustering.pqap.probability import best_threshold, probability_of
from cladeseg.clustering.pqap.solver import Match, SolverEffort, solve

__all__ = [
    "LearntParameters",
    "Match",
    "PqapParameters",
    "SolverEffort",
    "best_threshold",
    "learn_parameters",
    "pair_similarities",
    "probability_of",
    "similarity",
    "solve",
]

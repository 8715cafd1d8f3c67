"""Learns the five parameters and the threshold on training pairs by simulated annealing (arXiv 2403.13376)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cladeseg.clustering.objects import ObjectPoints
from cladeseg.clustering.pqap.all_pairs import pair_similarities
from cladeseg.clustering.pqap.objective import PqapParameters
from cladeseg.clustering.pqap.probability import best_threshold
from cladeseg.clustering.pqap.solver import SolverEffort

#: Smallest and largest value of each parameter.
_LOWEST = np.array([0.02, 0.02, 0.005, 0.0, 0.0])
_HIGHEST = np.array([0.8, 0.8, 0.3, 1.0, 0.6])
_QUICK = SolverEffort(rotations=12, kept=1, improvements=1)


@dataclass(frozen=True)
class LearntParameters:
    """What the search found.

    Attributes:
        parameters: of the objective.
        f1: of the training pairs that are decided by the best threshold.
        first_f1: the same with the parameters that the search began with.
    """

    parameters: PqapParameters
    f1: float
    first_f1: float


def learn_parameters(
    points: Sequence[ObjectPoints],
    classes: np.ndarray,
    *,
    steps: int = 40,
    most_pairs: int = 300,
    start: PqapParameters | None = None,
    seed: int = 0,
) -> LearntParameters:
    """Search for the parameters with the best F1 of pair decisions.

    Args:
        points: of training objects.
        classes: (n,).
        steps: of the search.
        most_pairs: that each step is judged by, as many of one class as of two where there are enough.
        start: the paper's parameters if ``None``.
        seed: of pairs and steps.
    """
    rng = np.random.default_rng(seed)
    pairs = _balanced_pairs(classes, most_pairs, rng)
    same = classes[pairs[:, 0]] == classes[pairs[:, 1]]
    current = start or PqapParameters()
    first = value = _f1(points, pairs, same, current)
    best = (value, current)
    for step in range(steps):
        heat = 0.05 * (1 - step / steps)
        proposal = _moved(current, 0.15 * (1 - step / steps) + 0.02, rng)
        found = _f1(points, pairs, same, proposal)
        if found >= value or rng.random() < np.exp((found - value) / max(heat, 1e-6)):
            current, value = proposal, found
        best = max(best, (value, current), key=_first)
    return LearntParameters(best[1], best[0], first)


def _first(one: tuple[float, PqapParameters]) -> float:
    return one[0]


def _balanced_pairs(classes: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.triu_indices(len(classes), 1)
    same = classes[rows] == classes[columns]
    chosen = [rng.permutation(np.flatnonzero(kind))[: most // 2] for kind in (same, ~same)]
    kept = np.sort(np.concatenate(chosen))
    return np.stack([rows[kept], columns[kept]], axis=1)


def _moved(parameters: PqapParameters, size: float, rng: np.random.Generator) -> PqapParameters:
    values = parameters.as_array() + rng.normal(size=5) * size * (_HIGHEST - _LOWEST)
    return PqapParameters(*np.clip(values, _LOWEST, _HIGHEST).tolist())


def _f1(points: Sequence[ObjectPoints], pairs: np.ndarray, same: np.ndarray, parameters: PqapParameters) -> float:
    similarity = pair_similarities(points, pairs, parameters=parameters, effort=_QUICK, show_progress=False)
    joined = similarity > best_threshold(similarity, same)
    return float(2 * (joined & same).sum() / max(joined.sum() + same.sum(), 1))

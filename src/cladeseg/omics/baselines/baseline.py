"""All baselines by name: the same training patients, the same labels, the same test patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from cladeseg.files import check_choice
from cladeseg.omics.baselines.linear import completed_lr, distilled_lr, graph_lr, lr, pca_lr, tuned_graph_lr
from cladeseg.omics.baselines.mogonet import mogonet
from cladeseg.omics.baselines.other import mlp, random_forest, svm
from cladeseg.omics.baselines.rows import TrainingRows, usable_omics

_METHODS: dict[str, Callable[[TrainingRows, Mapping[str, np.ndarray], tuple[str, ...]], np.ndarray]] = {
    "lr": lr,
    "pca_lr": pca_lr,
    "graph_lr": graph_lr,
    "tuned_graph_lr": tuned_graph_lr,
    "distilled_lr": distilled_lr,
    "completed_lr": completed_lr,
    "svm": svm,
    "random_forest": random_forest,
    "mlp": mlp,
    "mogonet": mogonet,
}
#: Names of all baselines.
BASELINES = tuple(_METHODS)


def run_baseline(name: str, training: TrainingRows, test: Mapping[str, np.ndarray], *, seed: int = 0) -> np.ndarray:
    """Train a baseline and predict.

    An omics that no test patient has is left out of the training: a specialist for those that are there.  Other gaps
    are filled with the training mean.

    Args:
        name: one of :data:`BASELINES`.
        training: see :class:`TrainingRows`.
        test: omics → (M, D).
        seed: of methods that have one.

    Returns:
        Probabilities (M, C); 0 for a class that no training label has.

    Raises:
        ValueError: there is no such baseline.
    """
    check_choice("baseline", name, BASELINES)
    rows = TrainingRows(training.values, training.classes, training.count, seed)
    return _METHODS[name](rows, test, usable_omics(test))

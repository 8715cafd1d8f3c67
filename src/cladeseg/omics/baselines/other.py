"""Support vectors, a random forest, and a multi-layer perceptron as large as our encoders."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_sample_weight

from cladeseg.omics.baselines.linear import predicted
from cladeseg.omics.baselines.rows import TrainingRows, joined

_Test = Mapping[str, np.ndarray]


class _SoftmaxSvm(SVC):
    """Its one-against-one votes as probabilities: Platt's need more labels than there are."""

    def predict_proba(self, features: np.ndarray) -> np.ndarray:
        """Softmax of the decision function."""
        scores = self.decision_function(features)
        scores = scores if scores.ndim == 2 else np.stack([-scores, scores], axis=1)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def svm(rows: TrainingRows, test: _Test, omics: Sequence[str]) -> np.ndarray:
    """Radial kernel on the concatenated standardised features."""
    return _run(_SoftmaxSvm(class_weight="balanced"), rows, test, omics)


def random_forest(rows: TrainingRows, test: _Test, omics: Sequence[str]) -> np.ndarray:
    """200 trees on the concatenated features."""
    return _run(RandomForestClassifier(200, class_weight="balanced", random_state=rows.seed), rows, test, omics)


def mlp(rows: TrainingRows, test: _Test, omics: Sequence[str]) -> np.ndarray:
    """Layers of 256 and 128, the sizes of the graph encoder, on the concatenated standardised features."""
    model = MLPClassifier((256, 128), max_iter=40, random_state=rows.seed)
    weights = compute_sample_weight("balanced", rows.classes[rows.labelled])
    with warnings.catch_warnings():
        # All baselines stop after a fixed number of steps; nobody has labels left to choose it by.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return _run(model, rows, test, omics, sample_weight=weights)


def _run(model: Any, rows: TrainingRows, test: _Test, omics: Sequence[str], **fit: Any) -> np.ndarray:
    training, new = joined(rows, test, omics)
    return predicted(model.fit(training[rows.labelled], rows.classes[rows.labelled], **fit), new, rows.count)

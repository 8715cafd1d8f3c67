"""Logistic regression on raw features, on components, on components smoothed over a graph, and distilled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from cladeseg.omics.baselines.rows import TrainingRows, joined, principal
from cladeseg.omics.graph import PatientGraph

_Test = Mapping[str, np.ndarray]


def lr(rows: TrainingRows, test: _Test, omics: Sequence[str]) -> np.ndarray:
    """On the concatenated standardised features, C = 0.01, classes weighed alike."""
    training, new = joined(rows, test, omics)
    return predicted(fitted(training, rows.classes, penalty=0.01), new, rows.count)


def pca_lr(rows: TrainingRows, test: _Test, omics: Sequence[str]) -> np.ndarray:
    """On the components of each omics, C = 1."""
    training, new = principal(rows, test, omics, standardise=True)
    return predicted(fitted(training, rows.classes), new, rows.count)


def graph_lr(rows: TrainingRows, test: _Test, omics: Sequence[str]) -> np.ndarray:
    """On unscaled components, each patient at 0.2 own + 0.8 mean of the 15 nearest training patients."""
    training, new = principal(rows, test, omics, standardise=False)
    graph = PatientGraph(training, 15)
    model = fitted(graph.smoothed(strength=0.8), rows.classes)
    return predicted(model, graph.smoothed(new, strength=0.8), rows.count)


def distilled_lr(rows: TrainingRows, test: _Test, omics: Sequence[str]) -> np.ndarray:
    """PCA + LR of all omics first labels the unlabelled; one of the usable omics learns from all, by confidence."""
    everything = tuple(rows.values)
    whole, _ = principal(rows, rows.values, everything, standardise=True)
    labelled = predicted(fitted(whole, rows.classes), whole, rows.count)
    known = rows.classes >= 0
    classes = np.where(known, rows.classes, labelled.argmax(axis=1))
    weights = np.where(known, 1.0, labelled.max(axis=1))
    training, new = principal(rows, test, omics, standardise=True)
    return predicted(fitted(training, classes, weights=weights), new, rows.count)


def fitted(
    features: np.ndarray, classes: np.ndarray, *, penalty: float = 1.0, weights: np.ndarray | None = None
) -> LogisticRegression:
    """Balanced logistic regression on the rows whose class is known."""
    known = classes >= 0
    model = LogisticRegression(C=penalty, class_weight="balanced", max_iter=1000)
    return model.fit(features[known], classes[known], sample_weight=None if weights is None else weights[known])


def predicted(model: Any, features: np.ndarray, count: int) -> np.ndarray:
    """Probabilities (N, C), 0 for classes that the model never saw."""
    found = np.zeros((len(features), count))
    found[:, model.classes_] = model.predict_proba(features)
    return found

"""Logistic regression on raw features, on components, on components smoothed over a graph, and distilled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeCV

from cladeseg.cohort import dealt_folds
from cladeseg.omics.baselines.rows import TrainingRows, joined, principal
from cladeseg.omics.graph import PatientGraph

_STRENGTHS, _FOLDS = (0.0, 0.5, 0.8), 3
_Test = Mapping[str, np.ndarray]


def lr(rows: TrainingRows, test: _Test, omics: Sequence[str]) -> np.ndarray:
    """On the concatenated standardised features, C = 0.01, classes weighed alike."""
    training, new = joined(rows, test, omics)
    # The weights lie in the span of the labelled patients: the same model in as many features as those.
    span = np.linalg.svd(training[rows.labelled], full_matrices=False)[2].T
    return predicted(fitted(training @ span, rows.classes, penalty=0.01), new @ span, rows.count)


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


def tuned_graph_lr(rows: TrainingRows, test: _Test, omics: Sequence[str]) -> np.ndarray:
    """As :func:`graph_lr`, the share of the neighbours chosen by cross-validation of the labelled patients."""
    training, new = principal(rows, test, omics, standardise=False)
    graph = PatientGraph(training, 15)
    known = rows.labelled
    fold = dealt_folds(rows.classes[known], _FOLDS)
    losses = [_held_out_loss(graph.smoothed(strength=a)[known], rows.classes[known], fold) for a in _STRENGTHS]
    strength = _STRENGTHS[int(np.argmin(losses))]
    model = fitted(graph.smoothed(strength=strength), rows.classes)
    return predicted(model, graph.smoothed(new, strength=strength), rows.count)


def _held_out_loss(features: np.ndarray, classes: np.ndarray, fold: np.ndarray) -> float:
    """Mean -log p of the true class, all classes alike."""
    found = np.zeros((len(classes), int(classes.max()) + 1))
    for f in range(_FOLDS):
        found[fold == f] = predicted(
            fitted(features[fold != f], classes[fold != f]), features[fold == f], found.shape[1]
        )
    loss = -np.log(np.maximum(found[np.arange(len(classes)), classes], 1e-3))
    return float(np.mean([loss[classes == c].mean() for c in np.unique(classes)]))


def completed_lr(rows: TrainingRows, test: _Test, omics: Sequence[str]) -> np.ndarray:
    """PCA + LR of all omics; components that are missing at test are regressed from the others, labels unseen."""
    training, new = principal(rows, test, omics, standardise=True)
    lacking = [name for name in rows.values if name not in omics]
    if lacking:
        wanted, _ = principal(rows, rows.values, lacking, standardise=True)
        expected = RidgeCV(np.geomspace(0.01, 10.0, 7)).fit(training, wanted).predict(new)
        training, new = np.hstack([training, wanted]), np.hstack([new, expected])
    return predicted(fitted(training, rows.classes), new, rows.count)


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

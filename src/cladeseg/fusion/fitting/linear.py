"""Logistic regression of one modality, or of both side by side, as one linear map of the scaled inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from cladeseg.fusion.fitting.inputs import Batch

#: Name → modalities that it needs (images, expression).
LINEAR = {
    "genes: LR": (False, True),
    "genes: PCA + LR": (False, True),
    "images: LR": (True, False),
    "both: LR": (True, True),
}
_COMPONENTS = 60
_LEAST = 1e-4


@dataclass(frozen=True)
class LinearExpert:
    """A fitted model.

    Attributes:
        name: one of :data:`LINEAR`.
        weight: (D, C).
        bias: (C,).
    """

    name: str
    weight: Tensor
    bias: Tensor

    def log_p(self, batch: Batch) -> Tensor:
        """(N, C); NaN for patients who lack what it needs."""
        needed = torch.tensor(LINEAR[self.name])
        found = (features_of(self.name, batch) @ self.weight + self.bias).log_softmax(dim=1)
        # No class is ever impossible, so that one wrong expert cannot overrule all others.
        found = (found.exp() * (1 - _LEAST) + _LEAST / found.shape[1]).log()
        return torch.where((batch.present | ~needed).all(dim=1, keepdim=True), found, torch.nan)


def features_of(name: str, batch: Batch) -> Tensor:
    """(N, D) that a model of this name looks at."""
    images, genes = LINEAR[name]
    parts = ([batch.pooled()] if images else []) + ([batch.expression] if genes else [])
    return torch.cat(parts, dim=1)


def fit_linear(name: str, batch: Batch, classes: np.ndarray, count: int) -> LinearExpert | None:
    """Balanced logistic regression on the patients whose class is known and who have what it needs.

    Args:
        name: one of :data:`LINEAR`.
        batch: training patients.
        classes: int (N,), -1 where it is not known.
        count: C.

    Returns:
        Nothing where fewer than two classes are left.
    """
    needed = torch.tensor(LINEAR[name])
    usable = (batch.present | ~needed).all(dim=1).numpy() & (classes >= 0)
    if len(np.unique(classes[usable])) < 2:
        return None
    features = features_of(name, batch).numpy().astype(float)[usable]
    mean, basis = _basis(name, features)
    penalty = 0.01 if name == "genes: LR" else 0.1 if name != "genes: PCA + LR" else 1.0
    model = LogisticRegression(C=penalty, class_weight="balanced", max_iter=1000)
    model.fit((features - mean) @ basis, classes[usable])
    weight, bias = _all_classes(model, count)
    weight = basis @ weight
    return LinearExpert(name, torch.from_numpy(weight).float(), torch.from_numpy(bias - mean @ weight).float())


def _basis(name: str, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and directions (D, k) that the regression sees: components, or standardised features."""
    if name != "genes: LR" and features.shape[1] > 2:
        pca = PCA(min(_COMPONENTS, *features.shape), random_state=0).fit(features)
        # As in the omics baselines: all components divided by the spread of the first.
        scale = np.sqrt(pca.explained_variance_[0]) + 1e-9
        return pca.mean_, pca.components_.T / scale * 3
    mean = features.mean(axis=0)
    # The weights lie in the span of the patients: the same model in as many features as those.
    directions = np.linalg.svd(features - mean, full_matrices=False)[2].T
    return mean, directions


def _all_classes(model: LogisticRegression, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (k, C) and bias (C,); a class that no training patient has is as good as impossible."""
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        coefficients, intercepts = (
            np.vstack([-coefficients, coefficients]) / 2,
            np.hstack([-intercepts, intercepts]) / 2,
        )
    weight, bias = np.zeros((coefficients.shape[1], count)), np.full(count, -20.0)
    weight[:, model.classes_], bias[model.classes_] = coefficients.T, intercepts
    return weight, bias

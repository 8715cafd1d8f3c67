"""Ridge regression at many strengths for the price of one, its strength chosen on held-out groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cladeseg.fusion.study.scores import correlations

#: Weights of the squared norm, for standardised features.
STRENGTHS = (1e2, 1e3, 3e3, 1e4, 3e4, 1e5)


def ridge_predictions(
    features: np.ndarray, targets: np.ndarray, *, train: np.ndarray, test: np.ndarray, strengths: Sequence[float]
) -> np.ndarray:
    """Predictions of the test rows at each strength; features are standardised by the training rows.

    Args:
        features: (N, F).
        targets: (N, C).
        train: (N,) bool.
        test: (N,) bool.
        strengths: weights of the squared norm.

    Returns:
        (strengths, tests, C).
    """
    mean, std = features[train].mean(axis=0), features[train].std(axis=0) + 1e-6
    seen, new = (features[train] - mean) / std, (features[test] - mean) / std
    values, vectors = np.linalg.eigh(seen @ seen.T)
    middle = targets[train].mean(axis=0)
    rotated = vectors.T @ (targets[train] - middle)
    kernel = new @ seen.T @ vectors
    return np.stack([kernel @ (rotated / (values[:, None].clip(0) + strength)) + middle for strength in strengths])


def nested_ridge(
    features: np.ndarray,
    targets: np.ndarray,
    *,
    train: np.ndarray,
    test: np.ndarray,
    groups: np.ndarray,
    shared: bool = False,
) -> np.ndarray:
    """Ridge at the strength that correlates best on training groups held out in turn: (tests, C).

    Each target has a strength of its own, or all share one: where predictions are compared as vectors, targets that are
    shrunk differently would distort them.
    """
    inner = [
        _inner_scores(features, targets, train & (groups != group), train & (groups == group))
        for group in np.unique(groups[train])
    ]
    scores = np.mean(inner, axis=0)
    count = targets.shape[1]
    best = np.full(count, scores.mean(axis=1).argmax()) if shared else scores.argmax(axis=0)
    found = ridge_predictions(features, targets, train=train, test=test, strengths=STRENGTHS)
    return found[best, :, np.arange(count)].T


def averaged_ridge(
    views: Sequence[np.ndarray], targets: np.ndarray, *, train: np.ndarray, test: np.ndarray
) -> np.ndarray:
    """Mean over views and middle strengths, (tests, C): nothing is chosen, so few sections cannot mislead a choice."""
    found = []
    for view in views:
        strengths = [strength * view.shape[1] / 1280 for strength in STRENGTHS[1:-1]]
        found.append(ridge_predictions(view, targets, train=train, test=test, strengths=strengths).mean(axis=0))
    return np.mean(found, axis=0)


def _inner_scores(features: np.ndarray, targets: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """(strengths, C)."""
    found = ridge_predictions(features, targets, train=train, test=test, strengths=STRENGTHS)
    return np.stack([correlations(one, targets[test]) for one in found])

"""Which genes and probes speak for a class: the linear heads' weights, carried back to the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cladeseg.omics.model.omics_model import OmicsModel


def feature_weights(model: OmicsModel, omics: int) -> np.ndarray:
    """Change (D, C) of each class's logit per standard deviation of each feature, in the omics' own head.

    Its views are linear in the features, so that integrated gradients are these weights times the distance from the
    mean.  Smoothed views count as they are: what a feature does through the neighbours is left out.  Blocks of a
    pre-trained encoder are not linear and are left out too.
    """
    first = sum(len(views) for views in model.views[:omics])
    found = []
    for view, weights in zip(model.views[omics], model.weights[first:], strict=False):
        pca = model.blocks[omics, view.block].scores
        if model.blocks[omics, view.block].encoder is not None:
            continue
        spread = np.sqrt((pca.components**2 * pca.variances).sum(axis=1) + pca.noise)
        own = pca.components @ weights[: pca.width].double().numpy() / np.sqrt(pca.variances.sum())
        found.append((1 - view.strength) * view.weights[0] * spread[:, None] * (own - own.mean(axis=1, keepdims=True)))
    return np.mean(found, axis=0) if found else np.zeros((0, model.weights.shape[-1]))


def top_features(
    model: OmicsModel, features: Mapping[str, Sequence[str]], classes: Sequence[str], *, count: int = 10
) -> pd.DataFrame:
    """The features that speak most for each class; columns omics, class, rank, feature, weight."""
    rows = []
    for i, omics in enumerate(model.omics):
        weights = feature_weights(model, i)
        for c, name in enumerate(classes if len(weights) else ()):
            order = np.argsort(-weights[:, c], kind="stable")[:count]
            rows += [(omics, name, rank, features[omics][j], weights[j, c]) for rank, j in enumerate(order, start=1)]
    return pd.DataFrame(rows, columns=["omics", "class", "rank", "feature", "weight"])

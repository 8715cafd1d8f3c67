"""Which genes and probes speak for a node of the class tree, and whether other labels would have named the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from cladeseg.omics.model.attribution import attributions
from cladeseg.omics.model.omics_model import OmicsModel

#: Features of a node that are listed.
COUNT = 10


def top_features(
    model: OmicsModel,
    values: Mapping[str, np.ndarray],
    members: Tensor,
    nodes: Sequence[str],
    features: Mapping[str, Sequence[str]],
    *,
    others: Sequence[OmicsModel] = (),
    count: int = COUNT,
) -> pd.DataFrame:
    """The features that add most to a node's log-odds, on average over the patients who are predicted to be in it.

    Args:
        model: a fitted model.
        values: omics → (N, D).
        members: bool (V, C), the classes below each node.
        nodes: V names.
        features: omics → D names.
        others: models of other labels of the same patients.
        count: of each node.

    Returns:
        Columns node, rank, omics, feature, attribution, and kept: the share of the others whose list holds it, too.
    """
    names = [(omics, feature) for omics in model.omics for feature in features[omics]]
    means, *repeated = (node_means(one, values, members) for one in (model, *others))
    again = [[set(np.argsort(-row, kind="stable")[:count]) for row in one] for one in repeated]
    rows = []
    for v, node in enumerate(nodes):
        # A node that nobody is predicted to be in has no list.
        for rank, j in enumerate(np.argsort(-means[v], kind="stable")[: count * bool(means[v].any())], start=1):
            kept = float(np.mean([j in one[v] for one in again])) if again else np.nan
            rows.append((node, rank, *names[j], means[v, j], kept))
    return pd.DataFrame(rows, columns=["node", "rank", "omics", "feature", "attribution", "kept"])


def node_means(model: OmicsModel, values: Mapping[str, np.ndarray], members: Tensor) -> np.ndarray:
    """(V, ΣD) mean attribution over the patients who are predicted to be in each node; zeros where nobody is."""
    found = attributions(model, values, members)
    every = np.concatenate([found[name] for name in model.omics], axis=2)
    log_p = model.predict(values).log_p
    inside = members.numpy()[:, np.nan_to_num(log_p, nan=-np.inf).argmax(axis=1)] & ~np.isnan(log_p).any(axis=1)
    return np.stack(
        [every[one, v].mean(axis=0) if one.any() else np.zeros(every.shape[2]) for v, one in enumerate(inside)]
    )

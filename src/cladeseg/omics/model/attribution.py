"""What each feature adds to the log-odds of each node: integrated gradients from the mean patient to the patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from cladeseg.classes import cooled
from cladeseg.omics.model.omics_model import OmicsModel, pooled
from cladeseg.omics.model.subsets import joint_heads
from cladeseg.omics.model.views import Scores, View

_STEPS = 16


def attributions(model: OmicsModel, values: Mapping[str, np.ndarray], members: Tensor) -> dict[str, np.ndarray]:
    """Integrated gradients (Sundararajan et al., arXiv 1703.01365) of the head that joins what each patient has.

    The path leads from the mean of the training patients to the patient, who keeps the neighbours: what they say is
    theirs.  So the sum over all features is how far the patient's own numbers move the log-odds.  Blocks of a
    pre-trained encoder are left out.

    Args:
        model: a fitted model.
        values: omics → (N, D); missing values get no share.
        members: bool (V, C), the classes below each node.

    Returns:
        Omics → (N, V, D).
    """
    given = {name: values[name] for name in model.omics}
    scores = {key: block(given[model.omics[key[0]]]) for key, block in model.blocks.items()}
    present = np.stack([~np.isnan(table).all(axis=1) for table in given.values()], axis=1)
    heads = joint_heads(present, model.subsets)
    found = {name: np.zeros((len(table), len(members), table.shape[1])) for name, table in given.items()}
    for head in sorted(set(heads[heads >= 0])):
        rows = heads == head
        slopes = _mean_gradients(model, head, {key: table[rows] for key, table in scores.items()}, members)
        for view, slope in zip(model.views[head], slopes, strict=True):
            for name, one in _of_features(model, view, slope, {n: table[rows] for n, table in given.items()}):
                found[name][rows] += one
    return found


def _mean_gradients(model: OmicsModel, head: int, scores: Scores, members: Tensor) -> list[np.ndarray]:
    """(N, V, ΣK) for each view of the head, averaged along the path."""
    views = model.views[head]
    begin = sum(len(group) for group in model.views[:head])
    weights = model.weights[begin : begin + len(views)].double()
    own = [torch.from_numpy(view.joined(scores)) for view in views]
    # What the neighbours say stays as it is along the path.
    others = [
        torch.from_numpy(v(model.training, scores)) - (1 - v.strength) * x for v, x in zip(views, own, strict=True)
    ]
    sums = [torch.zeros(len(x), len(members), x.shape[1], dtype=torch.double) for x in own]
    for step in range(_STEPS):
        at = [((step + 0.5) / _STEPS * x).requires_grad_(True) for x in own]
        features = [(1 - v.strength) * x + other for v, x, other in zip(views, at, others, strict=True)]
        odds = _log_odds(features, weights, views, members, temperature=float(model.temperatures[head]))
        for node in range(len(members)):
            for total, slope in zip(sums, torch.autograd.grad(odds[:, node].sum(), at, retain_graph=True), strict=True):
                total[:, node] += slope / _STEPS
    return [total.numpy() for total in sums]


def _log_odds(
    features: Sequence[Tensor], weights: Tensor, views: Sequence[View], members: Tensor, *, temperature: float
) -> Tensor:
    """(N, V)."""
    logits = [x @ w[: x.shape[1]] + w[-1] for x, w in zip(features, weights, strict=True)]
    log_p = cooled(pooled(torch.stack(logits), [views])[0], temperature)
    inside, outside = (
        (log_p[:, None] + (~part).double()[None] * -1e9).logsumexp(dim=-1) for part in (members, ~members)
    )
    return inside - outside


def _of_features(
    model: OmicsModel, view: View, slope: np.ndarray, values: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """Omics and what its features (N, V, D) add by way of a view."""
    begin = 0
    for omics, weight in zip(view.subset, view.weights, strict=True):
        block, name = model.blocks[omics, view.block], model.omics[omics]
        part = weight * slope[..., begin : begin + block.scores.width]
        begin += block.scores.width
        if block.encoder is None:
            yield name, block.scores.contributions(values[name], part)

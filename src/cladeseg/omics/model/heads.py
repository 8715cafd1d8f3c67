"""Many linear heads, fitted at once: one for each view of the patients and each set of training patients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class LinearHeads:
    """Heads log p(leaf) = log-softmax(x W + b), penalised by half the squared norm of W.

    Args:
        features: of each view, (N, K_v); narrower ones are padded, which changes nothing.

    Attributes:
        weights: (F, V, K + 1, L) of F sets of training patients; the last row is the bias.
    """

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights

    def log_probs(self, features: Tensor) -> Tensor:
        return log_probs(features, self.weights)


def stacked(features: list[np.ndarray]) -> Tensor:
    """(V, N, K + 1): views of different width side by side, zeros behind them and a one for the bias."""
    width = max(one.shape[1] for one in features)
    stack = np.zeros((len(features), len(features[0]), width + 1))
    for view, one in enumerate(features):
        stack[view, :, : one.shape[1]] = one
    stack[:, :, -1] = 1
    return torch.from_numpy(stack)


def log_probs(features: Tensor, weights: Tensor) -> Tensor:
    folds, views, width, leaves = weights.shape
    logits = torch.bmm(features, weights.permute(1, 2, 0, 3).reshape(views, width, folds * leaves))
    return logits.view(views, -1, folds, leaves).permute(2, 0, 1, 3).log_softmax(-1)


def fit(features: Tensor, membership: Tensor, row_weights: Tensor, soft: Tensor | None, *, strength: float, start: Tensor | None = None, iterations: int = 60) -> Tensor:
    """membership (N, L) bool of the node's leaves; row_weights (F, V, N); soft (F, V, N, L) weighted distillation targets."""
    folds, views = row_weights.shape[:2]
    width, leaves = features.shape[2], membership.shape[1]
    weights = torch.zeros(folds, views, width, leaves, dtype=features.dtype) if start is None else start.clone()
    weights.requires_grad_(True)
    optimizer = torch.optim.LBFGS([weights], max_iter=iterations, history_size=10, line_search_fn="strong_wolfe", tolerance_grad=1e-4, tolerance_change=1e-7)
    used = (row_weights > 0).any(1).any(0) if soft is None else ((row_weights > 0).any(1).any(0) | (soft > 0).any(-1).any(1).any(0))
    features, membership, row_weights = features[:, used], membership[used], row_weights[:, :, used]
    soft = None if soft is None else soft[:, :, used]
    hidden = (~membership).double() * -1e9

    def closure() -> Tensor:
        optimizer.zero_grad()
        log_p = log_probs(features, weights)
        marginal = -(log_p + hidden).logsumexp(-1)
        loss = 0.5 * weights[:, :, :-1].square().sum() + strength * (row_weights * marginal).sum()
        if soft is not None:
            loss = loss - strength * (soft * log_p).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach()

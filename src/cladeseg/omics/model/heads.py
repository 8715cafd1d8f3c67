"""Many linear heads, fitted at once: one for each view of the patients and each set of training patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from cladeseg.classes import marginal_loss
from cladeseg.omics.losses import distillation_loss


def stacked(features: Sequence[np.ndarray]) -> Tensor:
    """Views of different width side by side, zeros behind them and a one for the bias; (V, N, K + 1).

    Args:
        features: (N, K_v) of each view; NaN rows become zero, and nobody may be trained or scored on them.
    """
    width = max(one.shape[1] for one in features)
    stack = np.zeros((len(features), len(features[0]), width + 1))
    for view, one in enumerate(features):
        stack[view, :, : one.shape[1]] = np.nan_to_num(one)
    stack[:, :, -1] = 1
    return torch.from_numpy(stack).float()  # a fit takes half the time of one in double precision


def head_logits(features: Tensor, weights: Tensor) -> Tensor:
    """(V, N, K) features and (F, V, K, C) weights → (F, V, N, C)."""
    folds, views, width, classes = weights.shape
    # One product for each view, over all sets of training patients: several times as fast as one for each of both.
    logits = torch.bmm(features, weights.permute(1, 2, 0, 3).reshape(views, width, folds * classes))
    return logits.view(views, -1, folds, classes).permute(2, 0, 1, 3)


def fit_heads(
    features: Tensor,
    possible: Tensor,
    label_weights: Tensor,
    *,
    penalty: float,
    taught: Tensor | None = None,
    temperature: float = 1.0,
    start: Tensor | None = None,
    iterations: int = 40,
) -> tuple[Tensor, float]:
    """Minimise ½ ‖W‖² + C (marginal loss of the labels + distillation loss of what is taught), by L-BFGS.

    Args:
        features: (V, N, K) with a last column of ones, whose weights are not penalised.
        possible: bool (N, C), classes below each patient's known node.
        label_weights: (F, V, N) of the labels; 0 for who is not trained on.
        penalty: C.
        taught: (F, V, N, C) weighted targets.
        temperature: of the targets.
        start: weights to start from.
        iterations: of L-BFGS.

    Returns:
        Weights (F, V, K, C), and the loss at the end.
    """
    label_weights = label_weights.to(features.dtype)
    taught = None if taught is None else taught.to(features.dtype)
    used = (label_weights > 0).flatten(0, 1).any(dim=0)
    if taught is not None:
        used |= (taught > 0).any(dim=-1).flatten(0, 1).any(dim=0)
        taught = taught[:, :, used]
    features, possible, label_weights = features[:, used], possible[used], label_weights[:, :, used]
    folds, views = label_weights.shape[:2]
    shape = (folds, views, features.shape[2], possible.shape[1])
    weights = (torch.zeros(shape, dtype=features.dtype) if start is None else start.clone()).requires_grad_(True)
    optimizer = torch.optim.LBFGS([weights], max_iter=iterations, line_search_fn="strong_wolfe", tolerance_grad=1e-4)

    def closure() -> Tensor:
        optimizer.zero_grad()
        logits = head_logits(features, weights)
        loss = marginal_loss(logits.log_softmax(dim=-1), possible, label_weights)
        if taught is not None:
            loss = loss + distillation_loss(logits, taught, temperature)
        total = 0.5 * weights[:, :, :-1].square().sum() + penalty * loss
        total.backward()
        return total

    loss = optimizer.step(closure)
    return weights.detach(), float(loss.detach())

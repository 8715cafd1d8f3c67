"""Several log-probabilities as one, each with a weight that held-out patients chose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from cladeseg.classes import marginal_loss

#: Patients that a prior of equal weights counts as: few of them cannot choose.
_PRIOR = 2.0


def pool_weights(held_out: Mapping[str, Tensor], possible: Tensor) -> dict[str, float]:
    """Weights ≥ 0 of least mean -log p(node), where log p ∝ Σ weight · log p of each.

    Their sum is an inverse temperature, so that the result is calibrated too.

    Args:
        held_out: name → (N, C) log p of patients whom its training did not see; NaN where it says nothing.
        possible: bool (N, C), classes below the node that is known of each.

    Example:
        >>> possible = torch.eye(2, dtype=torch.bool).repeat(20, 1)
        >>> right = (possible * 0.8 + 0.1).log()
        >>> found = pool_weights({"right": right, "wrong": right.flip(1)}, possible)
        >>> found["right"] > 1, found["wrong"] == 0
        (True, True)
    """
    names, stacked = list(held_out), torch.stack(list(held_out.values())).double()
    known = ~stacked.isnan().any(dim=(0, 2)) & ~possible.all(dim=1)
    equal = np.full(len(names), 1 / len(names))
    if not known.any():
        return dict(zip(names, equal.tolist(), strict=True))
    log_p, nodes = stacked[:, known], possible[known]
    found = minimize(_loss, equal, args=(log_p, nodes), jac=True, bounds=[(0.0, None)] * len(names), method="L-BFGS-B")
    return {name: float(weight) for name, weight in zip(names, found.x, strict=True)}


def pooled(log_p: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """(N, C) normalised Σ weight · log p."""
    parts = [weight * log_p[name] for name, weight in weights.items()]
    return torch.stack(parts).sum(dim=0).log_softmax(dim=1)


def _loss(weights: np.ndarray, log_p: Tensor, possible: Tensor) -> tuple[float, np.ndarray]:
    """Mean loss with its gradient, and a prior round equal weights."""
    variable = torch.from_numpy(weights).requires_grad_()
    fused = torch.einsum("e,enc->nc", variable, log_p).log_softmax(dim=1)
    prior = _PRIOR / 2 * ((variable - 1 / len(weights)) ** 2).sum()
    loss = (marginal_loss(fused, possible, torch.ones(len(possible))) + prior) / len(possible)
    (gradient,) = torch.autograd.grad(loss, variable)
    return float(loss.detach()), gradient.numpy()

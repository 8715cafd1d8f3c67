"""A head's confidence in one patient: its own certainty, regressed to the probability of the true class."""

from __future__ import annotations

import torch
from torch import Tensor

from cladeseg.omics.losses import confidence_loss

#: Where there are few labels the regression stays near (slope, offset); pulls as much as one patient does.
_PRIOR = (1.0, 0.0)


def certainty(log_p: Tensor) -> Tensor:
    """Log-odds of the most probable class; (*, N) of (*, N, C)."""
    best = log_p.max(dim=-1).values.clamp(max=-1e-6)
    return best - torch.log(-torch.expm1(best))


def fit_confidence(log_p: Tensor, true_log_p: Tensor) -> Tensor:
    """Slope and offset (2,) by which a head's certainty gives its confidence.

    Args:
        log_p: (N, C) of held-out labelled patients.
        true_log_p: (N,) log-probability of the true node; nothing flows into it.
    """
    line = torch.tensor(_PRIOR, dtype=log_p.dtype, requires_grad=True)
    prior, given, true = torch.tensor(_PRIOR, dtype=log_p.dtype), certainty(log_p).detach(), true_log_p.exp()
    optimizer = torch.optim.LBFGS([line], max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = confidence_loss(line[0] * given + line[1], true) + (line - prior).square().sum() / max(1, len(given))
        loss.backward()
        return loss

    optimizer.step(closure)
    return line.detach()


def confidence(log_p: Tensor, line: Tensor) -> Tensor:
    """Confidence (*, N) of log-probabilities (*, N, C)."""
    return torch.sigmoid(line[0] * certainty(log_p) + line[1])

"""Temperature scaling on held-out patients, and the probability below which a prediction is called uncertain."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cladeseg.classes.marginal import marginal_loss

#: Standard deviation of log T before any patient is seen; chosen on development splits.
SPREAD = 0.2
_TEMPERATURES = np.geomspace(0.2, 5.0, 65)


def fit_temperature(log_p: Tensor, possible: Tensor) -> float:
    """The temperature of least mean -log p(node) (Guo et al., arXiv 1706.04599).

    Args:
        log_p: (N, C) of held-out patients.
        possible: bool (N, C), classes below their nodes.
    """
    if not len(log_p):
        return 1.0
    one = torch.ones(len(log_p), dtype=log_p.dtype)
    losses = [float(marginal_loss(cooled(log_p, t), possible, one)) / len(log_p) for t in _TEMPERATURES]
    # A normal prior of log T: few patients tell little about it.
    prior = (np.log(_TEMPERATURES) / SPREAD) ** 2 / (2 * len(log_p))
    return float(_TEMPERATURES[int(np.argmin(np.array(losses) + prior))])


def cooled(log_p: Tensor, temperature: float | Tensor) -> Tensor:
    """Log softmax(log p / T), with one T or one for each patient."""
    return (log_p / temperature).log_softmax(dim=-1)


def uncertain_below(best: np.ndarray, right: np.ndarray, largest_error: float) -> float:
    """The lowest probability above which at most a share of the held-out predictions is wrong.

    Args:
        best: (N,) calibrated probability of each predicted class.
        right: bool (N,).
        largest_error: the share; where no threshold keeps it, all are uncertain.

    Example:
        >>> uncertain_below(np.array([0.9, 0.8, 0.4]), np.array([True, True, False]), 0.1)
        0.8
    """
    order = np.argsort(-best, kind="stable")
    wrong = np.cumsum(~right[order]) / np.arange(1, len(best) + 1)
    kept = np.flatnonzero(wrong <= largest_error)
    return float(best[order[kept[-1]]]) if len(kept) else 1.0

"""Weighted log-ratios of similarities in the stable matrix form, in memory that grows linearly with the batch.

Every contrastive loss here is, for an anchor i with positives of weight p and negatives of factor f,

    loss_i = log Σ_k f_ik exp(s_ik / τ) − Σ_j p_ij s_ij / (τ Σ_j p_ij),

with s the cosine.  The matrix s is computed for a block of anchors at a time and computed again in the backward pass,
so that no (N, M) matrix is ever kept.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from cladeseg.tree_math import at_least_float32

#: Entries of one block of the similarity matrix; some ten such blocks are in memory at a time.
BLOCK_ENTRIES = 1 << 20
#: Vectors below this length have no direction: they get no gradient, which would not be finite.
_SHORTEST = 1e-6


class PairWeights(NamedTuple):
    """What a block of R anchors makes of M keys.

    Attributes:
        positives: (R, M) weights p, not negative; a row of zeros is an anchor without positives.
        log_factors: (R, M) log f, ``-inf`` for a key that does not stand in the denominator.
    """

    positives: Tensor
    log_factors: Tensor


class Pairs(Protocol):
    """Says which keys are positives of an anchor, and which stand in its denominator."""

    def __call__(self, rows: Tensor, logits: Tensor) -> PairWeights:
        """Weights of a block.

        Args:
            rows: long (R,), indices of the anchors.
            logits: (R, M) s / τ.
        """
        ...


class AnchorLosses(NamedTuple):
    """Losses of N anchors.

    Attributes:
        values: (N,) losses, 0 where an anchor has no positives.
        valid: bool (N,), which anchors have positives.
    """

    values: Tensor
    valid: Tensor


def unit_rows(features: Tensor) -> Tensor:
    """Vectors (N, F) of length 1, in float32 at least; one without a direction stays 0 and gets no gradient.

    Example:
        >>> unit_rows(torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    features = at_least_float32(features)
    squared = features.square().sum(dim=1, keepdim=True)
    has_direction = squared > _SHORTEST**2
    return torch.where(has_direction, features / torch.where(has_direction, squared, 1.0).sqrt(), 0.0)


def anchor_losses(queries: Tensor, keys: Tensor, pairs: Pairs, temperature: float) -> AnchorLosses:
    """The loss of each anchor, see the module.

    Args:
        queries: (N, F) anchors, of any length and float type.
        keys: (M, F) what they are compared with.
        pairs: weights of the pairs.
        temperature: τ.

    Returns:
        Losses in float32 at least, whatever autocast says.
    """
    with torch.autocast(queries.device.type, enabled=False):
        unit_queries, unit_keys = unit_rows(queries), unit_rows(keys)
        rows = torch.arange(len(queries), device=queries.device)
        blocks = [
            checkpoint(
                _block, unit_queries[block], unit_keys, block, pairs, temperature,
                use_reentrant=False, preserve_rng_state=False,
            )
            for block in rows.split(max(1, BLOCK_ENTRIES // max(1, len(keys))))
        ]  # fmt: skip
    values, valid = zip(*blocks, strict=True)
    return AnchorLosses(torch.cat(values), torch.cat(valid))


def _block(queries: Tensor, keys: Tensor, rows: Tensor, pairs: Pairs, temperature: float) -> AnchorLosses:
    logits = queries @ keys.T / temperature
    positives, log_factors = pairs(rows, logits)
    total = positives.sum(dim=1)
    valid = total > 0
    attraction = (positives * logits).sum(dim=1) / torch.where(valid, total, 1.0)
    # An anchor alone in the world has an empty denominator, whose logarithm would be -inf.
    repulsion = (logits + log_factors)[valid].logsumexp(dim=1)
    values = torch.zeros_like(attraction).masked_scatter(valid, repulsion - attraction[valid])
    return AnchorLosses(values, valid)

"""Weighted log-ratios of similarities in the stable matrix form, in memory that grows linearly with the batch.

Every contrastive loss here is, for an anchor i with positives of weight p and negatives of factor f,

    loss_i = log Σ_k f_ik exp(s_ik / τ) − Σ_j p_ij s_ij / (τ Σ_j p_ij),

with s the cosine.  The matrix s is computed for a block of anchors at a time and computed again in the backward pass,
so that no (N, M) matrix is ever kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

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
        return AnchorLosses(*_InBlocks.apply(unit_rows(queries), unit_rows(keys), pairs, temperature))


class _InBlocks(torch.autograd.Function):
    """The losses block by block, each computed again in the backward pass.

    ``torch.utils.checkpoint`` does the same with one gradient of all keys for each block, all of which are kept until
    the pass ends: two gigabytes at B = 8192.
    """

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, pairs: Pairs, temperature: float) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(queries, keys)
        ctx.pairs, ctx.temperature = pairs, temperature
        found = [_block(queries[rows], keys, rows, pairs, temperature) for rows in _blocks(queries, keys)]
        values, valid = (torch.cat(part) for part in zip(*found, strict=True))
        ctx.mark_non_differentiable(valid)
        return values, valid

    @staticmethod
    def backward(ctx: Any, outer: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None, None]:
        queries, keys = ctx.saved_tensors
        to_queries, to_keys = torch.zeros_like(queries), torch.zeros_like(keys)
        for rows in _blocks(queries, keys):
            with torch.enable_grad(), torch.autocast(queries.device.type, enabled=False):
                anchors, others = queries[rows].detach().requires_grad_(), keys.detach().requires_grad_()
                values, _ = _block(anchors, others, rows, ctx.pairs, ctx.temperature)
            to_queries[rows], to_block = torch.autograd.grad(values, (anchors, others), outer[rows])
            to_keys += to_block
        return to_queries, to_keys, None, None


def _blocks(queries: Tensor, keys: Tensor) -> Sequence[Tensor]:
    rows = torch.arange(len(queries), device=queries.device)
    return rows.split(max(1, BLOCK_ENTRIES // max(1, len(keys))))


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

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
    """The losses block by block, with the gradient in closed form.

    The weights are constants, so that the gradient with respect to s_ik / τ is
    softmax_k(log f + s / τ) − p_ik / Σ_j p_ij: the backward pass needs the logits once more, and no graph.
    """

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, pairs: Pairs, temperature: float) -> tuple[Tensor, Tensor]:
        # Into one place: small results kept between large blocks would break up the heap, by hundreds of MB.
        values, repulsion = queries.new_empty(2, len(queries))
        valid = torch.empty(len(queries), dtype=torch.bool, device=queries.device)
        for rows in _blocks(queries, keys):
            block = _block(queries[rows], keys, rows, pairs, temperature)
            values[rows], valid[rows], repulsion[rows] = _losses(block)
        ctx.save_for_backward(queries, keys, valid, repulsion)
        ctx.pairs, ctx.temperature = pairs, temperature
        ctx.mark_non_differentiable(valid)
        return values, valid

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None, None]:
        queries, keys, valid, repulsion = ctx.saved_tensors
        outer = torch.where(valid, outer / ctx.temperature, 0.0)
        to_queries, to_keys = torch.zeros_like(queries), torch.zeros_like(keys)
        for rows in _blocks(queries, keys):
            slope = _slope(_block(queries[rows], keys, rows, ctx.pairs, ctx.temperature), repulsion[rows])
            # What an anchor without positives has there may be infinite.
            slope.mul_(outer[rows, None]).masked_fill_(~valid[rows, None], 0.0)
            to_queries[rows] = slope @ keys
            to_keys.addmm_(slope.T, queries[rows])
        return to_queries, to_keys, None, None


def _blocks(queries: Tensor, keys: Tensor) -> Sequence[Tensor]:
    rows = torch.arange(len(queries), device=queries.device)
    return rows.split(max(1, BLOCK_ENTRIES // max(1, len(keys))))


class _Block(NamedTuple):
    """R anchors, M keys: logits s / τ (R, M), the weights of their pairs, and the sum (R, 1) of those of positives."""

    logits: Tensor
    pairs: PairWeights
    total: Tensor


def _block(queries: Tensor, keys: Tensor, rows: Tensor, pairs: Pairs, temperature: float) -> _Block:
    logits = (queries @ keys.T).div_(temperature)
    weights = pairs(rows, logits)
    return _Block(logits, weights, weights.positives.sum(dim=1, keepdim=True))


def _losses(block: _Block) -> tuple[Tensor, Tensor, Tensor]:
    """Losses (R,), which anchors have positives (R,), and log Σ_k f exp(s / τ), 0 for those without."""
    logits, pairs, total = block
    valid = total[:, 0] > 0
    attraction = torch.einsum("rm,rm->r", pairs.positives, logits) / torch.where(valid, total[:, 0], 1.0)
    # An anchor alone in the world has an empty denominator, whose logarithm would be -inf.
    repulsion = torch.where(valid, logits.add_(pairs.log_factors).logsumexp(dim=1), 0.0)
    return torch.where(valid, repulsion - attraction, 0.0), valid, repulsion


def _slope(block: _Block, repulsion: Tensor) -> Tensor:
    """Gradient (R, M) of a block's losses with respect to its logits."""
    logits, pairs, total = block
    share = logits.add_(pairs.log_factors).sub_(repulsion[:, None]).exp_()
    return share.sub_(pairs.positives.div(torch.where(total > 0, total, 1.0)))

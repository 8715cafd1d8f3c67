"""Probabilities of nodes from probabilities of leaves."""

from __future__ import annotations

import torch
from torch import Tensor

from cladeseg.taxonomy import Taxonomy


def node_log_probs(leaf_log_probs: Tensor, taxonomy: Taxonomy) -> Tensor:
    """Log-probability of every node: a node is as likely as its leaves together.

    The sums run from the bottom up.  A log-sum-exp is never below its largest term, in floating point too, so a
    superclass is never less likely than what it contains, without any tolerance.

    Args:
        leaf_log_probs: (B, L, *S) log p(leaf), normalised over L.
        taxonomy: the tree, with L leaves and N nodes.

    Returns:
        (B, N, *S) in the dtype of the input.  The root is exactly 0 and passes no gradient on.
    """
    columns = dict(enumerate(leaf_log_probs.split(1, dim=1)))
    for v in reversed(taxonomy.superclasses):
        children = torch.cat([columns[c] for c in taxonomy.children(v)], dim=1)
        columns[v] = children.logsumexp(dim=1, keepdim=True)
    columns[taxonomy.root] = torch.zeros_like(columns[taxonomy.background])
    return torch.cat([columns[v] for v in range(taxonomy.num_nodes)], dim=1)


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision becomes float32, float64 stays; sums of logarithms over a volume need it under autocast."""
    return x.to(torch.promote_types(x.dtype, torch.float32))

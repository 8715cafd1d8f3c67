"""Hard pseudo labels as the published methods make them: the most probable leaf of each voxel."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import at_least_float32


class HardLabels(NamedTuple):
    """One leaf for each voxel.

    Attributes:
        nodes: integer (B, 1, *S), leaves only.
        confidence: float (B, 1, *S), probability of that leaf.
    """

    nodes: Tensor
    confidence: Tensor


@torch.no_grad()
def hard_labels(
    leaf_log_probs: Tensor, known: Tensor, taxonomy: Taxonomy, *, respect_nodes: bool = False
) -> HardLabels:
    """Most probable leaf and its probability.

    Args:
        leaf_log_probs: (B, L, *S) log p(leaf).
        known: integer (B, 1, *S) node map of what is known.
        taxonomy: the tree, with L leaves.
        respect_nodes: choose among the leaves of the known node only, with p(leaf | known node) as the confidence.
            The published methods know no superclasses, so a leaf may contradict the known node there.

    Returns:
        Labels of the type of ``known``.
    """
    log_p = at_least_float32(leaf_log_probs)
    if respect_nodes:
        # Finite inside the node, so that an impossible node still gets one of its own leaves.
        log_p = log_p.clamp(min=torch.finfo(log_p.dtype).min)
        allowed = taxonomy.membership.to(log_p.device)[known[:, 0].long()].movedim(-1, 1)
        log_p = log_p.masked_fill(~allowed, -torch.inf).log_softmax(dim=1)
    confidence, leaf = log_p.max(dim=1, keepdim=True)
    return HardLabels(leaf.to(known.dtype), confidence.exp())

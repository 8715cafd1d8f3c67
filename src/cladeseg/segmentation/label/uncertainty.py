"""How unsure a network is about the leaves, given that it knows the superclass."""

from __future__ import annotations

import torch
from torch import Tensor

from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import at_least_float32, node_log_probs


def leaf_entropy(leaf_log_probs: Tensor, taxonomy: Taxonomy) -> Tensor:
    """Entropy of the leaf given the superclass, per voxel: H(L | S) = H(L) - H(S).

    S is the node directly below the root, which an outline of the superclass would tell.  So a voxel at the border of
    the whole organ, where organ and background are equally likely, is not unsure for that.

    Args:
        leaf_log_probs: (B, L, *S) log p(leaf), normalised over L.
        taxonomy: the tree, with L leaves.

    Returns:
        (B, *S) in nats, not negative.
    """
    leaves = at_least_float32(leaf_log_probs)
    outermost = list(taxonomy.children(taxonomy.root))
    tops = node_log_probs(leaves, taxonomy)[:, outermost]
    # entr(p) is -p log p, and 0 at p = 0, where a product of the logarithms would be undefined.
    entropy = torch.special.entr(leaves.exp()).sum(1) - torch.special.entr(tops.exp()).sum(1)
    return entropy.clamp_min(0)


def case_uncertainty(leaf_log_probs: Tensor, taxonomy: Taxonomy) -> float:
    """Mean leaf entropy of a case over its superclass voxels, each counted as far as it is one.

    Σ H(L | S) / max(1, Σ p(not background)): a large organ is not unsure because it is large.

    Args:
        leaf_log_probs: (1, L, *S) log p(leaf) of one case.
        taxonomy: the tree.

    Returns:
        Nats per voxel, 0 … log L.
    """
    inside = 1 - leaf_log_probs[:, taxonomy.background].double().exp()
    entropy = leaf_entropy(leaf_log_probs, taxonomy).double().sum()
    return float(entropy / inside.sum().clamp_min(1.0))

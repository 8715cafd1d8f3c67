"""How uncertain the leaf of a voxel is, given the superclass that it most probably lies in."""

from __future__ import annotations

import torch
from torch import Tensor

from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import at_least_float32, conditional_entropy, node_log_probs


def uncertainty_map(log_probs: Tensor, taxonomy: Taxonomy) -> Tensor:
    """Entropy of the leaf given the superclass that the voxel most probably lies in.

    A superclass S is a child of the root, and p(S) is the sum of p(l) over its leaves l.  With S* = argmax p(S),

        U = − Σ p(l | S*) log p(l | S*)  over the leaves l of S*,  where  p(l | S*) = p(l) / p(S*).

    It is 0 where S* is the background or has one leaf.  So a voxel at the border of an organ is not uncertain because
    organ and background are equally likely there.

    Args:
        log_probs: (L, *S) log p(leaf), normalised over L; minus infinity is allowed.
        taxonomy: the label tree, with L leaves.

    Returns:
        (*S) in nats, from 0 to log of the superclass's number of leaves; float32, or float64 if the input is.
    """
    leaves = at_least_float32(log_probs)[None]
    superclasses = torch.tensor(taxonomy.children(taxonomy.root), device=leaves.device)
    likeliest = superclasses[node_log_probs(leaves, taxonomy)[:, superclasses].argmax(dim=1)]
    return conditional_entropy(leaves, taxonomy, likeliest)[0]

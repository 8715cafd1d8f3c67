"""Probabilities of nodes, and entropies of leaves given a node, from probabilities of leaves."""

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

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> leaf = torch.tensor([0.5, 0.125, 0.375]).log().view(1, 3, 1, 1, 1)  # background, ventricle, myocardium
        >>> node_log_probs(leaf, tree).exp().flatten().tolist()  # … heart, root
        [0.5, 0.125, 0.375, 0.5, 1.0]
    """
    columns = dict(enumerate(leaf_log_probs.split(1, dim=1)))
    for v in reversed(taxonomy.superclasses):
        children = torch.cat([columns[c] for c in taxonomy.children(v)], dim=1)
        columns[v] = children.logsumexp(dim=1, keepdim=True)
    columns[taxonomy.root] = torch.zeros_like(columns[taxonomy.background])
    return torch.cat([columns[v] for v in range(taxonomy.num_nodes)], dim=1)


def conditional_entropy(leaf_log_probs: Tensor, taxonomy: Taxonomy, nodes: Tensor | None = None) -> Tensor:
    """Entropy of the leaf given the superclass, per voxel.

    Where node v is known, H(L | v) = −Σ p(l | v) log p(l | v) over the leaves l under v, with p(l | v) = p(l) / p(v):
    probabilities of other structures do not matter.  Without ``nodes`` the superclass is the random node S directly
    below the root, and H(L | S) = H(L) − H(S) = Σ p(S) H(L | S).  So a voxel at the border of an organ, where organ and
    background are equally likely, is not uncertain for that.

    Args:
        leaf_log_probs: (B, L, *S) log p(leaf), normalised over L.
        taxonomy: the tree, with L leaves.
        nodes: (B, *S) node indices that are known, long or uint8; ``None`` if none is.

    Returns:
        (B, *S) in nats, from 0 (a single leaf is possible) to log(number of leaves of the superclass); float32, or
        float64 for such an input.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> leaf = torch.tensor([0.5, 0.25, 0.25]).log().view(1, 3, 1, 1, 1)  # background, ventricle, myocardium
        >>> round(conditional_entropy(leaf, tree).item(), 4)  # p(heart) · log 2
        0.3466
        >>> heart = torch.full((1, 1, 1, 1), tree.index("heart"))
        >>> round(conditional_entropy(leaf, tree, heart).item(), 4)  # log 2
        0.6931
    """
    leaves = at_least_float32(leaf_log_probs)
    if nodes is None:
        outermost = list(taxonomy.children(taxonomy.root))
        return (_entropy(leaves) - _entropy(node_log_probs(leaves, taxonomy)[:, outermost])).clamp_min(0)
    return _entropy(log_probs_within(leaves, nodes, taxonomy))


def log_probs_within(leaf_log_probs: Tensor, nodes: Tensor, taxonomy: Taxonomy) -> Tensor:
    """Log-probabilities of leaves given a known node, per voxel: those outside are impossible, the others sum to 1.

    Args:
        leaf_log_probs: (B, L, *S) log p(leaf); need not be normalised.
        nodes: (B, *S) indices of the known nodes, any integer type.
        taxonomy: the tree, with L leaves.

    Returns:
        (B, L, *S) in float32, or float64 for such an input.  A node that is impossible by the input still has
        probabilities, equal ones over its own leaves.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> leaf = torch.tensor([0.5, 0.125, 0.375]).log().view(1, 3, 1)  # background, ventricle, myocardium
        >>> within = log_probs_within(leaf, torch.tensor([[tree.index("heart")]]), tree).exp()
        >>> [round(p, 4) for p in within.flatten().tolist()]
        [0.0, 0.25, 0.75]
    """
    log_p = at_least_float32(leaf_log_probs)
    log_p = log_p.clamp(min=torch.finfo(log_p.dtype).min)
    possible = taxonomy.membership.to(log_p.device)[nodes.long()].movedim(-1, 1)
    return log_p.masked_fill(~possible, -torch.inf).log_softmax(dim=1)


def _entropy(log_probs: Tensor) -> Tensor:
    """−Σ p log p over dimension 1; a term is 0 at p = 0, where the logarithm alone is infinite."""
    return torch.special.entr(log_probs.exp()).sum(dim=1)


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision becomes float32, float64 stays; sums of logarithms over a volume need it under autocast."""
    return x.to(torch.promote_types(x.dtype, torch.float32))

"""How much of a superclass each of its children takes, learnt from the finely labelled cases of a batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cladeseg.segmentation.networks.tree_output import TreeOutput
from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import at_least_float32, node_log_probs


class SizePriorLoss(nn.Module):
    r"""Kullback–Leibler divergence between the children's shares of a superclass in fine and in coarse cases.

    For a superclass s with children c, the fine cases of the batch give the mean shares
    :math:`q_c = |c| / |s|` and each coarse case the predicted ones over the voxels :math:`V_s` that are labelled
    exactly s, :math:`f_c = \sum_{V_s} p_c / \sum_{V_s} \sum_{d} p_d`; the loss is
    :math:`\sum_c q_c \log (q_c / f_c)`, averaged over the pairs of coarse case and superclass.

    Around its minimum it is quadratic, so that anatomical variation of a few percent costs next to nothing.  Size
    constraints are after Kervadec et al. (Medical Image Analysis 2019, arXiv 1805.04628), whose bounds are on absolute
    sizes; shares within the known superclass need no bounds given by hand.

    Args:
        taxonomy: the tree.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        super().__init__()
        self.taxonomy = taxonomy

    def forward(self, output: TreeOutput, nodes: Tensor, fine_nodes: Tensor) -> Tensor:
        """Mean divergence; 0 where no superclass occurs both ways.

        Args:
            output: of coarse cases, log p(leaf) (B, L, *S).
            nodes: their node maps (B, 1, *S).
            fine_nodes: node maps (F, 1, *S) of finely labelled cases.
        """
        p = node_log_probs(at_least_float32(output.leaf), self.taxonomy).exp().flatten(2)
        known = nodes.flatten(2)
        terms = []
        for s in self.taxonomy.superclasses:
            children = list(self.taxonomy.children(s))
            prior = self._shares(fine_nodes, s)
            exactly = known == s
            present = exactly.any(2)[:, 0]
            if prior is not None and bool(present.any()):
                terms.append(_divergence(prior, (p[:, children] * exactly).sum(2)[present]))
        return torch.cat(terms).mean() if terms else output.leaf.new_zeros((), dtype=torch.float32)

    def _shares(self, fine_nodes: Tensor, s: int) -> Tensor | None:
        """Mean share (children,) of superclass ``s`` over the fine cases that have it; ``None`` if none has."""
        contains = self.taxonomy.contains.to(fine_nodes.device)[list(self.taxonomy.children(s))]
        sizes = contains[:, fine_nodes.flatten(1).long()].sum(2).T.float()
        sizes = sizes[sizes.sum(1) > 0]
        return (sizes / sizes.sum(1, keepdim=True)).mean(0) if len(sizes) else None


def _divergence(prior: Tensor, predicted: Tensor) -> Tensor:
    """KL(prior ‖ shares of ``predicted``): (C,) and (B, C) → (B,)."""
    tiny = torch.finfo(predicted.dtype).tiny
    shares = predicted / predicted.sum(1, keepdim=True).clamp(min=tiny)
    return torch.special.xlogy(prior, prior / shares.clamp(min=1e-6)).sum(1)

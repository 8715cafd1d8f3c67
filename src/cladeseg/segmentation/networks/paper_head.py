"""The two-head form of the paper that we compare with (Dai et al., MICCAI 2023, arXiv 2307.00257)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cladeseg.segmentation.networks.hierarchical_head import trunk
from cladeseg.segmentation.networks.layers import PointwiseConv3d, contiguous_on_cpu
from cladeseg.segmentation.networks.tree_output import TreeOutput
from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import at_least_float32


class TwoHead(nn.Module):
    r"""Two independent softmaxes, over the children of the root and over the leaves.

    With H the trunk's features:

    * plain: superclass logits :math:`s = A H + a`, leaf logits :math:`f = B H + b`;
    * Prior Concatenation: :math:`f = B [H; s] + b`, with s raw and not detached.  This is the same set of functions,
      :math:`f = (B_H + B_s A) H + (b + B_s a)`, reached by another path of the optimiser;
    * Separate Normalization: the foreground's trunk :math:`H_g` gives the logits of all superclasses but the
      background, :math:`s_g`, and of all leaves but the background, :math:`f_g`; the background's own trunk gives
      :math:`s_0`, and this one tensor completes both softmaxes, :math:`[s_0; s_g]` and :math:`[s_0; f_g]`;
    * both: :math:`f_g = B [H_g; s_g] + b`.

    Nothing ties the two heads' probabilities, so leaves may lie outside their superclass.  At inference only the leaf
    head is used.  The paper has one superclass; with several, "foreground" is all of them.  Levels between the top
    and the leaves have no head.

    Args:
        in_channels: number of feature channels.
        taxonomy: the tree.
        prior: whether to concatenate the superclass logits.
        separate_norm: whether foreground and background have trunks of their own.
        hidden: number of channels of H; by default as many as the features have.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> output = TwoHead(4, tree)(torch.randn(1, 4, 2, 2, 2))
        >>> output.leaf.shape, output.top.shape
        (torch.Size([1, 3, 2, 2, 2]), torch.Size([1, 2, 2, 2, 2]))
    """

    def __init__(
        self,
        in_channels: int,
        taxonomy: Taxonomy,
        *,
        prior: bool = True,
        separate_norm: bool = True,
        hidden: int | None = None,
    ) -> None:
        super().__init__()
        self.prior, self.separate_norm = prior, separate_norm
        hidden = hidden or in_channels
        # The background is index 0 at both levels.
        num_top = len(taxonomy.children(taxonomy.root)) - separate_norm
        num_leaf = taxonomy.num_leaves - separate_norm
        self.trunk = trunk(in_channels, hidden)
        self.top = PointwiseConv3d(hidden, num_top)
        self.leaf = PointwiseConv3d(hidden + num_top * prior, num_leaf)
        if separate_norm:
            self.background = nn.Sequential(trunk(in_channels, hidden), PointwiseConv3d(hidden, 1))

    def forward(self, features: Tensor) -> TreeOutput:
        """Log-probabilities of leaves and children of the root, float32 or better, from (B, in_channels, *S)."""
        features = contiguous_on_cpu(features)
        branch_features = self.trunk(features)
        top = self.top(branch_features)
        leaf = self.leaf(torch.cat([branch_features, top], dim=1) if self.prior else branch_features)
        if self.separate_norm:
            background = self.background(features)
            top, leaf = torch.cat([background, top], dim=1), torch.cat([background, leaf], dim=1)
        return TreeOutput(at_least_float32(leaf).log_softmax(dim=1), at_least_float32(top).log_softmax(dim=1))

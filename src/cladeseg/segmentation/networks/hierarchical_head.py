"""Our head: one branch for each inner node of the tree, walked from the root down."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cladeseg.files import check_choice
from cladeseg.segmentation.networks.layers import InstanceNorm3d, PointwiseConv3d, contiguous_on_cpu
from cladeseg.segmentation.networks.tree_output import TreeOutput
from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import at_least_float32

FORMS = ("flat", "factorised")


class HierarchicalHead(nn.Module):
    r"""Log-probabilities of the leaves of a tree of any depth.

    The branch of node v emits one score for each child of v, :math:`a_c`.  With path(l) the nodes from below the root
    to leaf l, and siblings(c) the children of c's parent,

    * ``factorised``: :math:`\log p(l) = \sum_{c \in path(l)} \left(a_c - \log \sum_{d \in siblings(c)} e^{a_d}\right)`,
      the product of conditional probabilities;
    * ``flat``: :math:`\log p(l) = \log softmax_l \sum_{c \in path(l)} a_c`, one softmax over all leaves.

    An inner node is the sum of its leaves in both, so a child never lies outside its parent.

    *Separate Normalization*: each branch has its own norm, affine map and convolution, so that the features of one
    superclass's children can spread apart without disturbing the decision about the superclass.

    *Prior Concatenation*: the scores of the parent's branch, in which v competes with its siblings, are concatenated
    to the features of v's branch.  A non-linearity follows: before a linear map the prior adds no function that
    the features alone don't give, as it is linear in them itself.

    Both ideas are from Dai et al., MICCAI 2023, arXiv 2307.00257; any depth, the non-linearity and the tied
    probabilities are ours.

    Args:
        in_channels: number of feature channels.
        taxonomy: the tree.
        form: ``"flat"`` or ``"factorised"``.
        prior: whether the parent's scores are concatenated to a branch's features.
        separate_norm: whether each branch has its own trunk; otherwise one trunk serves all.
        hidden: number of channels in a branch; by default as many as the features have.

    Raises:
        ValueError: ``form`` is not one of the choices.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> head = HierarchicalHead(8, tree)
        >>> leaf = head(torch.zeros(2, 8, 4, 4, 4)).leaf
        >>> leaf.shape
        torch.Size([2, 3, 4, 4, 4])
        >>> torch.allclose(leaf.exp().sum(dim=1), torch.ones(2, 4, 4, 4))
        True
    """

    def __init__(
        self,
        in_channels: int,
        taxonomy: Taxonomy,
        *,
        form: str = "factorised",
        prior: bool = True,
        separate_norm: bool = True,
        hidden: int | None = None,
    ) -> None:
        super().__init__()
        check_choice("form", form, FORMS)
        self.taxonomy = taxonomy
        self.form, self.prior = form, prior
        hidden = hidden or in_channels
        num_trunks = len(taxonomy.inner) if separate_norm else 1
        self.trunks = nn.ModuleList(trunk(in_channels, hidden) for _ in range(num_trunks))
        self.classifiers = nn.ModuleList(self._classifier(v, hidden) for v in taxonomy.inner)

    def _classifier(self, v: int, hidden: int) -> nn.Sequential:
        parent_logits = len(self._siblings(v)) if self._has_prior(v) else 0
        return nn.Sequential(
            PointwiseConv3d(hidden + parent_logits, hidden, activated=True),
            PointwiseConv3d(hidden, len(self.taxonomy.children(v))),
        )

    def _has_prior(self, v: int) -> bool:
        return self.prior and v != self.taxonomy.root

    def _siblings(self, v: int) -> tuple[int, ...]:
        return self.taxonomy.children(self.taxonomy.parent[v])

    def forward(self, features: Tensor) -> TreeOutput:
        """Log p(leaf) (B, L, *S), float32 or better, from features (B, in_channels, *S)."""
        # Half precision is enough for logits, not for the logarithms of the softmax.
        scores = {v: at_least_float32(logits) for v, logits in self.branch_scores(features).items()}
        score = {self.taxonomy.root: scores[self.taxonomy.root].new_zeros(())}
        for v in self.taxonomy.inner:
            steps = scores[v].log_softmax(dim=1) if self.form == "factorised" else scores[v]
            for child, step in zip(self.taxonomy.children(v), steps.split(1, dim=1), strict=True):
                score[child] = score[v] + step
        leaf = torch.cat([score[leaf] for leaf in range(self.taxonomy.num_leaves)], dim=1)
        return TreeOutput(leaf if self.form == "factorised" else leaf.log_softmax(dim=1))

    def branch_scores(self, features: Tensor) -> dict[int, Tensor]:
        """For each inner node v the scores of its children (B, children, *S), in the order of the taxonomy."""
        features = contiguous_on_cpu(features)
        branch_features = [trunk(features) for trunk in self.trunks]
        if len(branch_features) == 1:
            branch_features *= len(self.taxonomy.inner)
        scores: dict[int, Tensor] = {}
        for v, own, classifier in zip(self.taxonomy.inner, branch_features, self.classifiers, strict=True):
            inputs = torch.cat([own, scores[self.taxonomy.parent[v]]], dim=1) if self._has_prior(v) else own
            scores[v] = classifier(inputs)
        return scores


def trunk(in_channels: int, hidden: int) -> nn.Sequential:
    """LeakyReLU(Conv(LeakyReLU(InstanceNorm(F)))): features (B, in_channels, *S) to (B, hidden, *S).

    The convolution mixes no voxels and so is cheap at full resolution.

    The paper writes batch norm and ReLU; its batches hold 24 slices, ours two to four volumes, too few for batch
    statistics.
    """
    return nn.Sequential(
        InstanceNorm3d(in_channels, affine=True),
        nn.LeakyReLU(0.01, inplace=True),
        PointwiseConv3d(in_channels, hidden, activated=True),
    )

"""SupCon along the label tree: features of one leaf attract fully, those of one superclass in part."""

from __future__ import annotations

import torch
from monai.utils import LossReduction
from torch import Tensor

from cladeseg.pretraining.losses.sup_con import LabelPairs, SupConLoss
from cladeseg.taxonomy import Taxonomy


class TreeSupConLoss(SupConLoss):
    r"""Supervised contrast in which a pair weighs as much as its two nodes share of the tree.

    Two features labelled with nodes u and v weigh

    .. math:: w(u, v) = \frac{depth(lca(u, v))}{\max(reach(u), reach(v))}

    where lca is the lowest common ancestor and reach(v) the depth of the deepest leaf of v: 1 for one leaf, a fraction
    for two leaves of one superclass or for two voxels of which only the superclass is known, 0 for different
    superclasses.  On a flat tree, whose leaves all hang on the root, this is :class:`SupConLoss`.  Features labelled
    with the root have no positives; they are skipped as anchors and counted.

    Weighted positives along a hierarchy: Zhang et al., "Use all the labels", CVPR 2022, arXiv 2204.13207.

    Args:
        taxonomy: the tree.
        temperature: τ.
        reduction: over the anchors with positives.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> table = pair_weights(tree)
        >>> heart, ventricle, myocardium = (tree.index(name) for name in ("heart", "ventricle", "myocardium"))
        >>> [table[ventricle, other].item() for other in (ventricle, myocardium, heart, tree.root)]
        [1.0, 0.5, 0.5, 0.0]
    """

    table: Tensor

    def __init__(
        self,
        taxonomy: Taxonomy,
        temperature: float = 0.1,
        reduction: LossReduction | str = LossReduction.MEAN,
    ) -> None:
        super().__init__(temperature, reduction)
        self.register_buffer("table", pair_weights(taxonomy), persistent=False)

    def _pairs_of(self, labels: Tensor) -> LabelPairs:
        """Labels are nodes."""
        return LabelPairs(labels.long(), self.table)


def pair_weights(taxonomy: Taxonomy) -> Tensor:
    """Float (N, N): the weight of a pair by its two nodes, see :class:`TreeSupConLoss`."""
    nodes = range(taxonomy.num_nodes)
    reach = [max(taxonomy.depth[leaf] for leaf in taxonomy.leaves(v)) for v in nodes]
    return torch.tensor(
        [[taxonomy.depth[taxonomy.lowest_common((u, v))] / max(reach[u], reach[v]) for v in nodes] for u in nodes]
    )

"""The loss of the paper's two-head network (Dai et al., MICCAI 2023, arXiv 2307.00257)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.modules.loss import _Loss

from cladeseg.segmentation.losses.tree_loss import TreeLoss
from cladeseg.segmentation.networks.tree_output import TreeOutput
from cladeseg.taxonomy import Node, Taxonomy


class TwoHeadLoss(_Loss):
    """Dice and cross-entropy of the superclass head on every case, of the leaf head on finely labelled cases.

    A coarse label teaches the leaf head nothing: that is what the paper does and what :class:`TreeLoss` is compared
    with.  In a case that is fine in part (a mixed one), the leaf head learns where the label is a leaf.  By default
    each head takes half cross-entropy and half Dice, so that both heads together weigh as much as ``TreeLoss`` does.

    Args:
        taxonomy: the tree.
        top_weight: weight of the superclass head.
        leaf_weight: weight of the leaf head.
        include_background: whether the background has a Dice term; it always counts in the cross-entropy.
        lambda_dice: weight of the Dice part.
        lambda_ce: weight of the cross-entropy part.
        smooth_nr: added to the numerator of Dice.
        smooth_dr: added to the denominator of Dice.
        batch: whether to sum over cases before the ratio of Dice.

    Example:
        >>> from cladeseg.segmentation.networks import TreeOutput
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> leaf = torch.tensor([0.2, 0.5, 0.3]).log().view(1, 3, 1, 1, 1)
        >>> top = torch.tensor([0.1, 0.9]).log().view(1, 2, 1, 1, 1)  # background, heart
        >>> heart = torch.full((1, 1, 1, 1, 1), tree.index("heart"))
        >>> loss = TwoHeadLoss(tree, lambda_dice=0, lambda_ce=1)
        >>> round(loss(TreeOutput(leaf, top), heart).item(), 4)  # -log 0.9: coarse labels leave the leaf head alone
        0.1054
    """

    top_label: Tensor
    fine: Tensor

    def __init__(
        self,
        taxonomy: Taxonomy,
        *,
        top_weight: float = 1.0,
        leaf_weight: float = 1.0,
        include_background: bool = True,
        lambda_dice: float = 0.5,
        lambda_ce: float = 0.5,
        smooth_nr: float = 1e-5,
        smooth_dr: float = 1e-5,
        batch: bool = False,
    ) -> None:
        super().__init__()
        if min(top_weight, leaf_weight) < 0:
            raise ValueError(f"top_weight ({top_weight}) and leaf_weight ({leaf_weight}) must not be negative")
        self.taxonomy = taxonomy
        self.top_weight, self.leaf_weight = top_weight, leaf_weight
        options = {
            "include_background": include_background,
            "lambda_dice": lambda_dice,
            "lambda_ce": lambda_ce,
            "smooth_nr": smooth_nr,
            "smooth_dr": smooth_dr,
            "batch": batch,
        }
        self.top_loss = TreeLoss(top_taxonomy(taxonomy), **options)  # type: ignore[arg-type]
        self.leaf_loss = TreeLoss(taxonomy, **options)  # type: ignore[arg-type]
        fine = torch.tensor([taxonomy.is_leaf(v) and taxonomy.depth[v] > 1 for v in range(taxonomy.num_nodes)])
        self.register_buffer("top_label", top_label_table(taxonomy), persistent=False)
        self.register_buffer("fine", fine, persistent=False)

    def forward(self, output: TreeOutput, target: Tensor) -> Tensor:
        """The loss of a batch, a scalar in float32 or better.

        Args:
            output: with ``leaf`` and ``top``.
            target: (B, 1, *S) node indices.

        Raises:
            ValueError: the output has no ``top``, or shapes do not fit.
        """
        if not isinstance(output, TreeOutput) or output.top is None:
            raise ValueError(
                "the two-head loss needs a TreeOutput with 'top': use it with head 'two_head', in training"
            )
        self.to(output.leaf.device)
        label = target.as_subclass(Tensor).long()
        top = self.top_loss(output.top, self.top_label[label])
        return self.top_weight * top + self.leaf_weight * self.leaf_loss(output.leaf, self.leaf_label(label))

    def leaf_label(self, label: Tensor) -> Tensor:
        """Keep the leaves of labels (B, 1, *S) and make everything else the root.

        The background of a case with an outlined superclass and no subclass goes too: the case is a coarse one.
        """
        is_leaf = label < self.taxonomy.num_leaves
        coarse = ~is_leaf & (label != self.taxonomy.root)
        coarse_case = _any_voxel(coarse) & ~_any_voxel(self.fine[label])
        return torch.where(is_leaf & ~coarse_case, label, self.taxonomy.root)


def top_taxonomy(taxonomy: Taxonomy) -> Taxonomy:
    """The flat tree of the root's children, in their order."""
    names = [taxonomy.names[v] for v in taxonomy.children(taxonomy.root)]
    return Taxonomy(
        f"{taxonomy.name} (top level)", tuple(Node(name, values={"top": i}) for i, name in enumerate(names))
    )


def top_label_table(taxonomy: Taxonomy) -> Tensor:
    """Long (N,): index of each node's ancestor in :func:`top_taxonomy`; the root stays the root."""
    children = taxonomy.children(taxonomy.root)
    path = [taxonomy.path(v) for v in range(taxonomy.num_nodes)]
    return torch.tensor([children.index(up[1]) if len(up) > 1 else len(children) for up in path])


def _any_voxel(mask: Tensor) -> Tensor:
    return mask.flatten(1).any(1).view(-1, *[1] * (mask.dim() - 1))

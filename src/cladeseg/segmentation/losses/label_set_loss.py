"""Leaf-Dice and marginal cross-entropy, the label-set loss that we compare with (Fidon et al., arXiv 2107.03846)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.modules.loss import _Loss

from cladeseg.segmentation.losses.tree_loss import TreeLoss
from cladeseg.segmentation.networks.tree_output import TreeOutput
from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import at_least_float32


class LabelSetLoss(_Loss):
    r"""Dice on what is labelled with a leaf, cross-entropy on the set of leaves that every label stands for.

    *Leaf-Dice* of a case, over all its voxels i and all L leaves:

    .. math:: 1 - \frac{1}{L} \sum_l \frac{2 \sum_i t_{l, i} p_{l, i}}{\sum_i t_{l, i}^a + \sum_i p_{l, i}^a + s_{dr}},
        \qquad t_{l, i} = [\text{label of } i \text{ is } l], \quad a = 2 \text{ or } 1

    *Marginal cross-entropy*: as in :class:`TreeLoss`, :math:`-\log p(v)` at a voxel labelled v.  The paper adds a focal
    factor to it, which we leave out: then label-set loss, tree loss and flat loss differ in their Dice alone.

    What differs from the Dice of :class:`TreeLoss`: inner nodes have no term; :math:`p_l` of a voxel whose label is
    above the leaf stays in the denominator, as if l were known to be absent there, while the tree loss leaves it out;
    and a leaf without any voxel in a case costs 1 and passes no gradient on, be its absence known or not, since nothing
    is added to the numerator.  A case without any leaf label, in which the published Dice would be the constant 1, is
    left out of the mean here, so that it does not dilute the others.

    Args:
        taxonomy: the tree, with L leaves.
        lambda_dice: weight of the Dice part.
        lambda_ce: weight of the cross-entropy part.
        squared: whether a is 2, as published.
        smooth_dr: added to the denominator of Dice.

    Raises:
        ValueError: a negative weight.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> log_p = torch.tensor([0.2, 0.5, 0.3]).log().view(1, 3, 1, 1, 1)
        >>> heart = torch.full((1, 1, 1, 1, 1), tree.index("heart"))
        >>> round(LabelSetLoss(tree)(log_p, heart).item(), 4)  # -log (0.5 + 0.3), and no Dice without a leaf label
        0.2231
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        *,
        lambda_dice: float = 1.0,
        lambda_ce: float = 1.0,
        squared: bool = True,
        smooth_dr: float = 1e-5,
    ) -> None:
        super().__init__()
        if lambda_dice < 0:
            raise ValueError(f"lambda_dice ({lambda_dice}) must not be negative")
        self.taxonomy = taxonomy
        self.lambda_dice = lambda_dice
        self.exponent = 2 if squared else 1
        self.smooth_dr = smooth_dr
        self.marginal = TreeLoss(taxonomy, lambda_dice=0.0, lambda_ce=lambda_ce)

    def forward(self, output: TreeOutput | Tensor, target: Tensor) -> Tensor:
        """The loss of a batch, a scalar in float32 or better.

        Args:
            output: the network's, or log p(leaf) (B, L, *S).
            target: (B, 1, *S) node indices, any integer or float type.

        Raises:
            ValueError: the shapes do not fit each other or the tree.
        """
        cross_entropy = self.marginal(output, target)  # checks the shapes
        leaf = output.leaf if isinstance(output, TreeOutput) else output
        leaf, label = leaf.as_subclass(Tensor), target.as_subclass(Tensor).long()
        return cross_entropy + self.lambda_dice * self.dice(at_least_float32(leaf), label)

    def dice(self, leaf: Tensor, label: Tensor) -> Tensor:
        """Leaf-Dice loss of leaf log-probabilities (B, L, *S) at labels (B, 1, *S)."""
        p = leaf.exp().flatten(2)
        labelled = label.flatten(2) == torch.arange(p.shape[1], device=label.device)[:, None]
        overlap, size = (p * labelled).sum(2), p.pow(self.exponent).sum(2) + labelled.sum(2)
        case = 1 - (2 * overlap / (size + self.smooth_dr)).mean(1)
        counts = labelled.any(2).any(1)
        return (case * counts).sum() / counts.sum().clamp(min=1)

"""The loss that belongs to a head."""

from __future__ import annotations

from torch.nn.modules.loss import _Loss

from cladeseg.files import check_choice
from cladeseg.segmentation.losses.tree_loss import TreeLoss
from cladeseg.segmentation.losses.two_head_loss import TwoHeadLoss
from cladeseg.segmentation.networks.tree_output import HEADS
from cladeseg.taxonomy import Taxonomy


def build_loss(
    taxonomy: Taxonomy,
    *,
    head: str = "factorised",
    lambda_dice: float = 1.0,
    lambda_ce: float = 1.0,
) -> _Loss:
    """Build the loss of a head.

    Args:
        taxonomy: the tree.
        head: ``"flat"`` or ``"factorised"`` take :class:`TreeLoss`, ``"two_head"`` :class:`TwoHeadLoss`.
        lambda_dice: weight of the Dice part; each of two heads gets half of it, so that all forms start on equal terms.
        lambda_ce: weight of the cross-entropy part, likewise.

    Raises:
        ValueError: an unknown head.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> type(build_loss(tree, head="two_head")).__name__
        'TwoHeadLoss'
    """
    check_choice("head", head, HEADS)
    if head != "two_head":
        return TreeLoss(taxonomy, lambda_dice=lambda_dice, lambda_ce=lambda_ce)
    return TwoHeadLoss(taxonomy, lambda_dice=lambda_dice / 2, lambda_ce=lambda_ce / 2)

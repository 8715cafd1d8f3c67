"""Two networks along the tree: a coarse one that finds the structures, a fine one that divides them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from cladeseg.segmentation.networks.net import HierarchicalNet, build_network
from cladeseg.segmentation.networks.tree_output import TreeOutput
from cladeseg.taxonomy import Taxonomy, top_level


class TwoPassNet(nn.Module):
    """Both passes as one module, with one set of weights.

    Called with a patch of an image it is the second pass; what finds the patches is an inferer.

    Args:
        first: on coarse images of whole volumes; knows the structures directly under the root, see
            :func:`~cladeseg.taxonomy.top_level`.
        second: on boxes of the fine image; knows the whole tree.
    """

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, image: Tensor) -> TreeOutput | Tensor:
        """The second pass of a patch (B, C, *S); see :class:`HierarchicalNet`."""
        return self.second(image)


def build_two_pass(
    taxonomy: Taxonomy, *, first: Mapping[str, Any] | None, second: Mapping[str, Any]
) -> HierarchicalNet | TwoPassNet:
    """Build a network of one or two passes.

    Args:
        taxonomy: the tree.
        first: arguments of :func:`build_network` for the first pass; ``None`` if there is none.
        second: those for the second one, or the only one.

    Example:
        >>> import torch
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> levels = {"filters": [4, 8, 16], "kernels": [3, 3, 3], "strides": [1, 2, 2]}
        >>> network = build_two_pass(tree, first=levels, second=levels).eval()
        >>> patch = torch.zeros(1, 1, 8, 8, 8)
        >>> network.first(patch).shape[1], network.second(patch).shape[1]  # background, heart; all leaves
        (2, 3)
    """
    fine = build_network(taxonomy, **second)
    return fine if first is None else TwoPassNet(build_network(top_level(taxonomy), **first), fine)


def passes_of(network: nn.Module) -> tuple[nn.Module, ...]:
    """The networks that are trained apart: both passes, or the network itself."""
    return (network.first, network.second) if isinstance(network, TwoPassNet) else (network,)

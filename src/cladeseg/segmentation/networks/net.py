"""Backbone and head as one network, and the factory that bundle configs call."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cladeseg.files import check_choice
from cladeseg.segmentation.networks.backbone import BACKBONES, Backbone, Size
from cladeseg.segmentation.networks.hierarchical_head import HierarchicalHead
from cladeseg.segmentation.networks.paper_head import TwoHead
from cladeseg.segmentation.networks.tree_output import HEADS, TreeOutput
from cladeseg.taxonomy import Taxonomy


class HierarchicalNet(nn.Module):
    """A backbone with a head: images (B, C, *S) to log-probabilities.

    Args:
        backbone: gives features.
        head: maps features to a :class:`TreeOutput`.
    """

    def __init__(self, backbone: Backbone, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, image: Tensor) -> TreeOutput | Tensor:
        """While training a :class:`TreeOutput`, in eval mode log p(leaf) (B, L, *S) alone.

        Raises:
            ValueError: a spatial size is not divisible by the backbone's divisor.
        """
        self._check_size(image)
        output: TreeOutput = self.head(self.backbone(image))
        return output if self.training else output.leaf

    def _check_size(self, image: Tensor) -> None:
        size, divisor = tuple(image.shape[2:]), self.backbone.divisor
        if len(size) != len(divisor) or any(s % d for s, d in zip(size, divisor, strict=True)):
            raise ValueError(
                f"the network cannot take an image of spatial size {size}: each size must be divisible by its "
                f"entry of the divisor {divisor}, the product of the strides; pad or crop it"
            )


def build_network(
    taxonomy: Taxonomy,
    *,
    filters: Sequence[int],
    kernels: Sequence[Size],
    strides: Sequence[Size],
    in_channels: int = 1,
    backbone: str = "dynunet",
    norm: str = "instance",
    dropout: float | None = None,
    head: str = "factorised",
    prior: bool = True,
    separate_norm: bool = True,
    seed: int | None = None,
) -> HierarchicalNet:
    """Build a network from configuration values.

    Args:
        taxonomy: the tree.
        filters: see :func:`~cladeseg.segmentation.networks.dynunet_backbone`; also kernels, strides, norm, dropout.
        kernels: convolution kernel of each level.
        strides: stride into each level.
        in_channels: number of image channels.
        backbone: ``"dynunet"`` or ``"unet"``.
        norm: the backbone's, ``"instance"`` or ``"batch"``.
        dropout: the backbone's.
        head: ``"flat"`` or ``"factorised"``, see :class:`HierarchicalHead`; ``"two_head"``, see :class:`TwoHead`.
        prior: whether a branch's features are joined by the scores of the branch above it.
        separate_norm: whether branches have norm, affine map and convolution of their own.
        seed: draws the initial weights apart from torch's global generator, the backbone's first: they are the same
            under one seed whatever the head.  None draws from the global generator.

    Raises:
        ValueError: an option has none of its values; the message names the option and the choices.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> levels = {"filters": [4, 8, 16], "kernels": [[3, 3, 1], 3, 3], "strides": [1, [2, 2, 1], 2]}
        >>> network = build_network(tree, **levels, seed=0)
        >>> network.backbone.divisor
        (4, 4, 2)
        >>> network.eval()(torch.zeros(1, 1, 16, 16, 4)).shape  # log p(leaf)
        torch.Size([1, 3, 16, 16, 4])
    """
    check_choice("backbone", backbone, BACKBONES)
    check_choice("head", head, HEADS)
    check_choice("prior", prior, (True, False))  # a word would count as true, "off" as well
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed the GPUs as well
        body = BACKBONES[backbone](
            in_channels=in_channels, filters=filters, kernels=kernels, strides=strides, norm=norm, dropout=dropout
        )
        on_top: nn.Module
        if head == "two_head":
            on_top = TwoHead(body.out_channels, taxonomy, prior=prior, separate_norm=separate_norm)
        else:
            on_top = HierarchicalHead(body.out_channels, taxonomy, form=head, prior=prior, separate_norm=separate_norm)
        return HierarchicalNet(body, on_top)

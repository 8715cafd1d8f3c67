"""What is pre-trained: the backbone of a segmentation network, with a head for each task on its features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cladeseg.segmentation.networks import BACKBONES, Backbone, HierarchicalHead
from cladeseg.segmentation.networks.layers import PointwiseConv3d
from cladeseg.taxonomy import Taxonomy, top_level


class PretrainingNet(nn.Module):
    """A backbone with a projector for contrast, a decoder of masked voxels and a head of superclasses.

    The backbone's first convolution over C channels is the sum of one convolution for each modality: its slice of
    weights is the modality's stem, and one that is missing, hence 0, adds nothing.  Everything after it is shared.  So
    the names and shapes of the weights are those of the segmentation network.

    Args:
        backbone: gives features (N, F, *S).
        channels: C, what the decoder restores.
        projected: number of features that are contrasted; 0 for no projector.
        reconstruct: whether there is a decoder.
        taxonomy: the tree whose top level is segmented; ``None`` for no such head.
    """

    def __init__(
        self,
        backbone: Backbone,
        channels: int,
        *,
        projected: int = 64,
        reconstruct: bool = True,
        taxonomy: Taxonomy | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        width = backbone.out_channels
        self.projector = _projector(width, projected) if projected else None
        self.decoder = _decoder(width, channels) if reconstruct else None
        self.superclass_head = None if taxonomy is None else HierarchicalHead(width, top_level(taxonomy))

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, F, *S) of images (N, C, *S)."""
        return self.backbone(images)

    def project(self, features: Tensor) -> Tensor:
        """Features (..., F) of single voxels in the space where they are contrasted; as they are without projector."""
        return features if self.projector is None else self.projector(features)


def build_pretraining_net(
    options: Mapping[str, Any],
    *,
    projected: int = 64,
    reconstruct: bool = True,
    taxonomy: Taxonomy | None = None,
    seed: int = 0,
) -> PretrainingNet:
    """Build a network; the backbone is what :func:`~cladeseg.segmentation.networks.build_network` builds.

    Args:
        options: ``backbone``, ``in_channels``, ``filters``, ``kernels``, ``strides``, ``dropout``; others are ignored.
        projected: see :class:`PretrainingNet`.
        reconstruct: as there.
        taxonomy: as there.
        seed: draws the weights apart from torch's global generator, the backbone's first.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        backbone = BACKBONES[options["backbone"]](
            **{name: options[name] for name in ("in_channels", "filters", "kernels", "strides", "dropout")}
        )
        return PretrainingNet(
            backbone, options["in_channels"], projected=projected, reconstruct=reconstruct, taxonomy=taxonomy
        )


def _projector(width: int, projected: int) -> nn.Module:
    """Two layers, as SimCLR has; what is thrown away takes the loss of information with it."""
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, projected), nn.LeakyReLU(inplace=True), nn.Linear(projected, projected)
    )


def _decoder(width: int, channels: int) -> nn.Module:
    """The backbone leaves norm and activation to the head."""
    return nn.Sequential(
        nn.InstanceNorm3d(width, affine=True), nn.LeakyReLU(inplace=True), PointwiseConv3d(width, channels)
    )

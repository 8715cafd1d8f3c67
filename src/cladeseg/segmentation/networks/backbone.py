"""MONAI 3D U-Nets that end in features instead of classes.

Separate Normalization wants the features before the last norm, so that each branch of the head can normalise them in
its own way (Dai et al., MICCAI 2023, arXiv 2307.00257, move that norm from the decoder into the head).  Every backbone
here therefore returns the output of its last convolution as it is; norm and activation are the head's, whether its
branches share them or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from monai.networks.blocks.dynunet_block import UnetBasicBlock
from monai.networks.nets import DynUNet, UNet
from monai.utils import ensure_tuple_rep
from torch import Tensor, nn

from cladeseg.files import check_choice
from cladeseg.segmentation.networks.layers import INSTANCE

#: One size for all three axes, or one for each.
Size = int | Sequence[int]

_NORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "instance": (INSTANCE, {"affine": True}),
    "batch": ("BATCH", {"affine": True}),
}


class Backbone(nn.Module):
    """A U-Net without its output block.

    Args:
        body: maps (B, in_channels, *S) to (B, out_channels, *S).
        out_channels: number of feature channels.
        divisor: what each spatial size must be a multiple of.
    """

    def __init__(self, body: nn.Module, out_channels: int, divisor: tuple[int, ...]) -> None:
        super().__init__()
        self.body = body
        self.out_channels = out_channels
        self.divisor = divisor

    def forward(self, image: Tensor) -> Tensor:
        """Features (B, out_channels, *S) of an image (B, in_channels, *S), neither normalised nor activated."""
        return self.body(image)


class OpenBlock(nn.Module):
    """The last decoder block of a DynUNet up to its second convolution."""

    def __init__(self, block: UnetBasicBlock) -> None:
        super().__init__()
        self.conv1, self.norm1, self.lrelu, self.conv2 = block.conv1, block.norm1, block.lrelu, block.conv2

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, C, *S), neither normalised nor activated."""
        return self.conv2(self.lrelu(self.norm1(self.conv1(x))))


def dynunet_backbone(
    *,
    in_channels: int,
    filters: Sequence[int],
    kernels: Sequence[Size],
    strides: Sequence[Size],
    norm: str = "instance",
    dropout: float | None = None,
) -> Backbone:
    """MONAI's DynUNet, with a kernel and a stride for each level, so that thick slices can be treated as such.

    For ACDC's 10 mm slices, e.g. kernels ``[[3,3,1], [3,3,1], [3,3,3], [3,3,3]]`` and strides
    ``[[1,1,1], [2,2,1], [2,2,1], [2,2,2]]``: slices talk to each other only where voxels are about isotropic.

    Args:
        in_channels: number of image channels.
        filters: feature channels of each level, the finest first; the first is the number of output features.
        kernels: convolution kernel of each level.
        strides: stride into each level; the first is 1.
        norm: ``"instance"`` or ``"batch"``.
        dropout: probability, or None for no dropout.

    Raises:
        ValueError: the lists disagree in length or have fewer than three levels, the first stride is not 1, or the
            norm is unknown.

    Example:
        >>> net = dynunet_backbone(
        ...     in_channels=1, filters=[4, 8, 8], kernels=[[3, 3, 1], 3, 3], strides=[1, [2, 2, 1], 2]
        ... )
        >>> net.out_channels, net.divisor
        (4, (4, 4, 2))
    """
    kernels, strides = _per_axis(kernels), _per_axis(strides)
    _check_levels(filters, kernels, strides, norm)
    net = DynUNet(
        spatial_dims=3,
        in_channels=in_channels,
        out_channels=1,
        kernel_size=kernels,
        strides=strides,
        upsample_kernel_size=strides[1:],
        filters=list(filters),
        dropout=dropout,
        norm_name=_NORMS[norm],
    )
    # MONAI registers each block twice, by its role and inside `skip_layers`; the second alone is the whole network
    # without its output block, and leaves no tensor under two names in the weights file.
    body = net.skip_layers
    body.upsample.conv_block = OpenBlock(body.upsample.conv_block)
    return Backbone(body, filters[0], _divisor(strides))


def unet_backbone(
    *,
    in_channels: int,
    filters: Sequence[int],
    kernels: Sequence[Size],
    strides: Sequence[Size],
    norm: str = "instance",
    dropout: float | None = None,
) -> Backbone:
    """MONAI's UNet with two residual units a level; arguments as for :func:`dynunet_backbone`.

    Raises:
        ValueError: as for :func:`dynunet_backbone`, or the kernels differ, which this U-Net cannot do.
    """
    kernels, strides = _per_axis(kernels), _per_axis(strides)
    _check_levels(filters, kernels, strides, norm)
    if len(set(kernels)) > 1:
        raise ValueError(f"backbone 'unet' has one kernel for all levels, got {kernels}; 'dynunet' has one for each")
    # Its last convolution already comes without norm and activation.
    body = UNet(
        spatial_dims=3,
        in_channels=in_channels,
        out_channels=filters[0],
        channels=list(filters),
        strides=strides[1:],
        kernel_size=kernels[0],
        up_kernel_size=kernels[0],
        num_res_units=2,
        norm=_NORMS[norm],
        dropout=dropout or 0.0,
    )
    return Backbone(body, filters[0], _divisor(strides))


#: Backbones that a config can name.
BACKBONES: dict[str, Callable[..., Backbone]] = {"dynunet": dynunet_backbone, "unet": unet_backbone}


def _per_axis(sizes: Sequence[Size]) -> list[tuple[int, ...]]:
    return [ensure_tuple_rep(size, 3) for size in sizes]


def _check_levels(filters: Sequence[int], kernels: list, strides: list, norm: str) -> None:
    check_choice("norm", norm, _NORMS)
    if not len(filters) == len(kernels) == len(strides) >= 3:
        raise ValueError(
            "filters, kernels and strides must have one entry for each level and at least three levels, got "
            f"{len(filters)}, {len(kernels)} and {len(strides)}"
        )
    if strides[0] != (1, 1, 1):
        raise ValueError(f"the first stride must be 1, so that each voxel has features; got {strides[0]}")


def _divisor(strides: list[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(prod(axis) for axis in zip(*strides, strict=True))

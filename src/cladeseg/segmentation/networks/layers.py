"""Layers with torch's names, weights and results, by the kernels that are fast on CPUs; GPUs keep torch's own."""

from __future__ import annotations

import torch
from monai.networks.layers.factories import Norm
from torch import Tensor, nn
from torch.nn.functional import batch_norm, group_norm, leaky_relu


class InstanceNorm3d(nn.InstanceNorm3d):
    """Instance norm as a group norm with one channel a group.

    On a CPU torch's own takes three times as long, undoes channels-last, and returns a view, for which an activation in
    place copies the gradient three times.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, *S) over the voxels of each case and channel, in the memory format that comes in."""
        if x.device.type != "cpu":  # CUDA's autocast would lift a group norm to float32
            return super().forward(x)
        if x.is_contiguous():
            return group_norm(x, self.num_features, self.weight, self.bias, self.eps)
        # The gradient of a group norm is slow for channels-last, that of a batch norm is not: each case is a batch.
        cases = (batch_norm(case, None, None, self.weight, self.bias, True, 0.0, self.eps) for case in x.split(1))
        return torch.cat(list(cases))


class PointwiseConv3d(nn.Conv3d):
    """A 1×1×1 convolution, maybe with a leaky ReLU, as a matrix product: two thirds of the time on a CPU.

    Args:
        in_channels: number of channels that come in.
        out_channels: number of channels that go out.
        activated: whether a leaky ReLU of slope 0.01 follows, which the product takes in place.
    """

    bias: Tensor

    def __init__(self, in_channels: int, out_channels: int, *, activated: bool = False) -> None:
        super().__init__(in_channels, out_channels, 1)
        self.activated = activated

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, *S) to (B, out_channels, *S)."""
        if x.device.type != "cpu":
            return self._activate(super().forward(x))
        product = torch.bmm(self.weight.flatten(1).expand(x.shape[0], -1, -1), x.flatten(2))
        # Folded back last: an operation in place on a view would copy the gradient three times.
        return self._activate(product.add_(self.bias[:, None])).unflatten(2, x.shape[2:])

    def _activate(self, x: Tensor) -> Tensor:
        return leaky_relu(x, 0.01, inplace=True) if self.activated else x


def contiguous_on_cpu(features: Tensor) -> Tensor:
    """A head's input (B, C, *S): channels-last is for large kernels, a head is faster without, but for GPUs."""
    return features.contiguous() if features.device.type == "cpu" else features


#: The norm's name for MONAI's networks.
INSTANCE = "CLADESEG_INSTANCE"


@Norm.factory_function(INSTANCE)
def _instance_norm(spatial_dims: int) -> type[nn.Module]:
    """What MONAI's networks take for ``INSTANCE``; all of ours have three spatial dimensions."""
    return InstanceNorm3d

"""The norm, activation and convolution that turn the backbone's features into those of one branch of a head."""

from __future__ import annotations

from torch import nn


def trunk(in_channels: int, hidden: int) -> nn.Sequential:
    """LeakyReLU(Conv(LeakyReLU(InstanceNorm(F)))): features (B, in_channels, *S) to (B, hidden, *S).

    The convolution mixes no voxels and so is cheap at full resolution.

    The paper writes batch norm and ReLU; its batches hold 24 slices, ours two to four volumes, too few for batch
    statistics.
    """
    return nn.Sequential(
        nn.InstanceNorm3d(in_channels, affine=True),
        nn.LeakyReLU(0.01, inplace=True),
        nn.Conv3d(in_channels, hidden, 1),
        nn.LeakyReLU(0.01, inplace=True),
    )

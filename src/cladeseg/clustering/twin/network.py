"""The twin network: one encoder for both pictures, and a head that does not know which came first."""

from __future__ import annotations

import torch
from monai.networks.nets import resnet18
from torch import nn


class TwinNetwork(nn.Module):
    """ResNet-18 → 128 numbers a picture; their concatenation → logit of "one kind" (arXiv 2403.13376).

    The head sees both orders and the mean is taken, so that f(a, b) = f(b, a).

    Args:
        channels: of a picture.
        features: numbers that stand for a picture.

    Examples:
        >>> network = TwinNetwork(3).eval()
        >>> a, b = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
        >>> bool(torch.allclose(network(torch.cat([a, b], dim=1)), network(torch.cat([b, a], dim=1))))
        True
    """

    def __init__(self, channels: int, features: int = 128) -> None:
        super().__init__()
        self.channels = channels
        self.encoder = resnet18(spatial_dims=2, n_input_channels=channels, num_classes=features, conv1_t_stride=2)
        self.first, self.last = nn.Linear(2 * features, 128), nn.Linear(128, 1)

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        """Logits (B, 1) of pairs (B, 2 C, H, W): the channels of one picture, then those of the other."""
        one, other = pairs.chunk(2, dim=1)
        return self.compare(self.encoder(one), self.encoder(other))[:, None]

    def compare(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Logits (B,) of what the encoder made of the pictures, (B, F) each."""
        orders = (torch.cat([one, other], dim=1), torch.cat([other, one], dim=1))
        forth, back = (self.last(torch.relu(self.first(order)))[:, 0] for order in orders)
        return (forth + back) / 2

    def compare_all(self, encoded: torch.Tensor, rows: int = 64) -> torch.Tensor:
        """Logits (n, n) of all pairs of n encoded pictures (n, F), the same as :meth:`compare` gives.

        The head's first layer is linear, so that it sees each picture once on either side, and not each pair.

        Args:
            encoded: what the encoder made of the pictures.
            rows: pictures that are compared with all others at once; thousands of pictures need little memory.
        """
        one, other = self.first.weight.chunk(2, dim=1)
        left, right = encoded @ one.T, encoded @ other.T + self.first.bias
        forth = torch.cat([self.last(torch.relu(part[:, None] + right))[..., 0] for part in left.split(rows)])
        return (forth + forth.T) / 2

    @torch.no_grad()
    def all_logits(self, pictures: torch.Tensor, batch: int = 64) -> torch.Tensor:
        """Logits of all pairs (n, n): n pictures are encoded once.

        Args:
            pictures: (n, C, H, W).
            batch: pictures encoded at once.
        """
        encoded = torch.cat([self.encoder(part) for part in pictures.split(batch)])
        return self.compare_all(encoded).cpu()

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
        self.head = nn.Sequential(nn.Linear(2 * features, 128), nn.ReLU(), nn.Linear(128, 1))

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        """Logits (B, 1) of pairs (B, 2 C, H, W): the channels of one picture, then those of the other."""
        one, other = pairs.chunk(2, dim=1)
        return self.compare(self.encoder(one), self.encoder(other))[:, None]

    def compare(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Logits (B,) of what the encoder made of the pictures, (B, F) each."""
        forth = self.head(torch.cat([one, other], dim=1))
        back = self.head(torch.cat([other, one], dim=1))
        return (forth + back)[:, 0] / 2

    @torch.no_grad()
    def all_logits(self, pictures: torch.Tensor, batch: int = 64) -> torch.Tensor:
        """Logits of all pairs (n, n): n pictures are encoded once.

        Args:
            pictures: (n, C, H, W).
            batch: pictures encoded at once.
        """
        encoded = torch.cat([self.encoder(part) for part in pictures.split(batch)])
        rows = [self.compare(one.expand_as(encoded), encoded) for one in encoded[:, None]]
        return torch.stack(rows).cpu()

"""Tokens of one modality look at those of the other (Vaswani et al. 2017, sections 3.2 and 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CrossAttention(nn.Module):
    """Multi-head attention, residual and LayerNorm, then a small perceptron with the same.

    A learnt token stands beside the keys.  It takes the attention of queries that find nothing, and all of it where the
    other modality is missing; so nothing is divided by zero, and a missing modality needs no path of its own.

    Args:
        width: D of a token.
        heads: D is divided by them.
        dropout: of the attention and of the perceptron.
    """

    def __init__(self, width: int, *, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.randn(width) * 0.02)
        self.attention = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        )

    def forward(self, queries: Tensor, keys: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Let queries look at keys.

        Args:
            queries: float (B, Q, D).
            keys: float (B, K, D), which are the values too.
            present: bool (B, K), which keys there are.

        Returns:
            (B, Q, D), and the attention (B, Q, K), mean over the heads; what is missing from 1 is the learnt token's.
        """
        batch = len(queries)
        keys = torch.cat([keys, self.nothing.expand(batch, 1, -1)], dim=1)
        hidden = torch.cat([~present, present.new_zeros(batch, 1)], dim=1)
        found, weights = self.attention(queries, keys, keys, key_padding_mask=hidden, need_weights=True)
        tokens = self.first_norm(queries + found)
        return self.second_norm(tokens + self.perceptron(tokens)), weights[..., :-1]

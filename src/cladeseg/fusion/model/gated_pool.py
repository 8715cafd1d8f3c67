"""Tokens of a patient as one vector: gated attention pooling (Ilse et al. 2018, equation 9)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_HIDDEN = -1e9


class GatedAttentionPool(nn.Module):
    """Mean of the tokens, weighted by a = softmax(w · (tanh(V h) ⊙ σ(U h))).

    Args:
        width: D of a token.
        hidden: rows of V and U.

    Example:
        >>> tokens, present = torch.ones(1, 3, 8), torch.tensor([[True, True, False]])
        >>> GatedAttentionPool(8)(tokens, present)[1]  # equal tokens share it
        tensor([[0.5000, 0.5000, 0.0000]], grad_fn=<MulBackward0>)
    """

    def __init__(self, width: int, hidden: int = 32) -> None:
        super().__init__()
        self.content, self.gate = nn.Linear(width, hidden), nn.Linear(width, hidden)
        self.score = nn.Linear(hidden, 1)

    def forward(self, tokens: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Pool over the tokens that are there.

        Args:
            tokens: float (B, N, D).
            present: bool (B, N).

        Returns:
            (B, D) and the weights (B, N); both zero where a patient has no token.
        """
        scores = self.score(torch.tanh(self.content(tokens)) * torch.sigmoid(self.gate(tokens)))[..., 0]
        weights = scores.masked_fill(~present, _HIDDEN).softmax(dim=1) * present
        return (weights[..., None] * tokens).sum(dim=1), weights

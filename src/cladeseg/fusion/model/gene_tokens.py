"""Expression as several tokens, one for each group of genes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class GeneTokens(nn.Module):
    """A linear map of each group's genes, and what tells the groups apart.

    Args:
        groups: columns of each group; a gene may be in several, and in none.
        width: D of a token.

    Raises:
        ValueError: there are fewer than two groups, or a group is empty.

    Example:
        >>> GeneTokens([[0, 1], [2]], width=4)(torch.zeros(5, 3)).shape
        torch.Size([5, 2, 4])
    """

    columns: Tensor

    def __init__(self, groups: Sequence[Sequence[int]], width: int) -> None:
        super().__init__()
        if len(groups) < 2:
            # A softmax over one key is 1 whatever the query is: tiles would attend without looking.
            raise ValueError(f"groups: attention needs at least two groups of genes, not {len(groups)}")
        empty = [number for number, group in enumerate(groups) if not len(group)]
        if empty:
            raise ValueError(f"groups: group {empty[0]} has no gene")
        self.sizes = [len(group) for group in groups]
        columns = torch.tensor([int(column) for group in groups for column in group])
        self.register_buffer("columns", columns, persistent=False)
        self.maps = nn.ModuleList(nn.Linear(size, width) for size in self.sizes)
        self.kinds = nn.Parameter(torch.randn(len(groups), width) * 0.02)

    def forward(self, expression: Tensor) -> Tensor:
        """Float (B, G) standardised expression → (B, K, D)."""
        parts = expression[:, self.columns].split(self.sizes, dim=1)
        tokens = [layer(part) for layer, part in zip(self.maps, parts, strict=True)]
        return torch.stack(tokens, dim=1) + self.kinds

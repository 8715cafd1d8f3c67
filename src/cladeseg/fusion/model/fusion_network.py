"""Tiles and expression of patients → log p(leaf), with what was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cladeseg.files import check_choice
from cladeseg.fusion.model.cross_attention import CrossAttention
from cladeseg.fusion.model.gated_pool import GatedAttentionPool
from cladeseg.fusion.model.gene_tokens import GeneTokens

#: How the modalities meet: tokens look at each other; their pooled vectors stand side by side; or only their
#: probabilities are averaged.
FORMS = ("cross_attention", "concatenation", "late")


@dataclass(frozen=True, kw_only=True)
class FusionOutput:
    """What the network returns for B patients.

    Attributes:
        log_p: (B, L) log p(leaf), normalised over L.
        modalities: (B, 2) weights of tiles and expression; they add to 1, and a missing one has 0.
        tiles: (B, N) weights of the pooled tiles; they add to 1 where there is a tile.
        groups: (B, K) the same of groups of genes.
        tiles_over_groups: (B, N, K) attention of each tile over the groups; what is missing from 1 went to neither.
            Nothing where the form has no cross-attention.
        groups_over_tiles: (B, K, N) attention of each group over the tiles, likewise.
    """

    log_p: Tensor
    modalities: Tensor
    tiles: Tensor
    groups: Tensor
    tiles_over_groups: Tensor | None = None
    groups_over_tiles: Tensor | None = None


class FusionNetwork(nn.Module):
    """Both modalities as tokens, cross-attention both ways, gated pooling of each, weights of both, and a head.

    Args:
        tile_features: F of a tile.
        groups: of genes, see :class:`GeneTokens`.
        leaves: L.
        width: D of a token.
        heads: of the attention.
        dropout: of tokens, attention and head.
        form: one of :data:`FORMS`.

    Raises:
        ValueError: no such form, or fewer than two groups of genes.
    """

    def __init__(
        self,
        tile_features: int,
        groups: Sequence[Sequence[int]],
        leaves: int,
        *,
        width: int = 64,
        heads: int = 4,
        dropout: float = 0.1,
        form: str = "cross_attention",
    ) -> None:
        super().__init__()
        check_choice("form", form, FORMS)
        self.form, self.leaves = form, leaves
        self.tile_tokens = nn.Sequential(nn.Linear(tile_features, width), nn.LayerNorm(width), nn.Dropout(dropout))
        self.gene_tokens = GeneTokens(groups, width)
        if form == "cross_attention":
            self.to_genes = CrossAttention(width, heads=heads, dropout=dropout)
            self.to_tiles = CrossAttention(width, heads=heads, dropout=dropout)
        self.pools = nn.ModuleList(GatedAttentionPool(width) for _ in range(2))
        self.weigh = nn.ModuleList(nn.Linear(width, 1) for _ in range(2))
        joined = 1 if form == "late" else 2
        self.heads = nn.ModuleList(_head(joined * width, width, leaves, dropout) for _ in range(3 - joined))

    def forward(self, tiles: Tensor, tile_mask: Tensor, expression: Tensor, has_expression: Tensor) -> FusionOutput:
        """Classify patients.

        Args:
            tiles: float (B, N, F); whatever stands where there is no tile.
            tile_mask: bool (B, N), where there is one.
            expression: float (B, G); whatever stands for those without.
            has_expression: bool (B,).

        Raises:
            ValueError: a patient has neither.
        """
        present = torch.stack([tile_mask.any(dim=1), has_expression], dim=1)
        if not present.any(dim=1).all():
            raise ValueError(f"patient {int((~present.any(dim=1)).nonzero()[0])} of the batch has neither modality")
        # What stands in place of missing values may be NaN, which a weight of 0 would pass on.
        seen = self.tile_tokens(tiles.masked_fill(~tile_mask[..., None], 0.0))
        read = self.gene_tokens(expression.masked_fill(~has_expression[:, None], 0.0))
        group_mask = has_expression[:, None].expand(-1, read.shape[1])
        over_groups = over_tiles = None
        if self.form == "cross_attention":
            (seen, over_groups), (read, over_tiles) = (
                self.to_genes(seen, read, group_mask),
                self.to_tiles(read, seen, tile_mask),
            )
        pooled, weights = zip(
            *(pool(x, m) for pool, x, m in zip(self.pools, (seen, read), (tile_mask, group_mask), strict=True)),
            strict=True,
        )
        shares = self._shares(pooled, present)
        return FusionOutput(
            log_p=self._log_p(pooled, shares),
            modalities=shares,
            tiles=weights[0],
            groups=weights[1],
            tiles_over_groups=over_groups,
            groups_over_tiles=over_tiles,
        )

    def _shares(self, pooled: Sequence[Tensor], present: Tensor) -> Tensor:
        scores = torch.cat([weigh(x) for weigh, x in zip(self.weigh, pooled, strict=True)], dim=1)
        return scores.masked_fill(~present, -torch.inf).softmax(dim=1)

    def _log_p(self, pooled: Sequence[Tensor], shares: Tensor) -> Tensor:
        if self.form == "late":
            p = [head(x).softmax(dim=1) for head, x in zip(self.heads, pooled, strict=True)]
            mean = sum((shares[:, i : i + 1] * one for i, one in enumerate(p)), start=torch.zeros_like(p[0]))
            return mean.clamp_min(1e-12).log().log_softmax(dim=1)
        joined = torch.cat([shares[:, i : i + 1] * x for i, x in enumerate(pooled)], dim=1)
        return self.heads[0](joined).log_softmax(dim=1)


def _head(inputs: int, hidden: int, leaves: int, dropout: float) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, leaves))

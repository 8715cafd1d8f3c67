"""MOGONET's graph: edges where the similarity is above a threshold that gives the wanted mean degree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import normalize


@dataclass(frozen=True)
class ThresholdGraph:
    """Cosine similarity, threshold, self loops, symmetric normalisation (Wang et al., Nature Communications 12, 2021).

    Args:
        features: (N, D) standardised, of the training patients.
        degree: mean number of edges of a training patient, itself not counted.
    """

    features: Tensor
    degree: float

    @cached_property
    def threshold(self) -> float:
        """The similarity above which two patients are linked."""
        similarity = self._similarity(self.features)
        pairs = similarity[~torch.eye(len(similarity), dtype=torch.bool)]
        wanted = min(max(1, round(self.degree * len(similarity))), pairs.numel())
        return float(pairs.sort(descending=True).values[wanted - 1]) if pairs.numel() else 1.0

    @cached_property
    def adjacency(self) -> Tensor:
        """Sparse (N, N), with self loops, each entry 1 / sqrt(degree · degree)."""
        linked = self._similarity(self.features) >= self.threshold
        return normalised(linked.fill_diagonal_(True).float()).to_sparse()

    @cached_property
    def _degrees(self) -> Tensor:
        linked = self._similarity(self.features) >= self.threshold
        return linked.fill_diagonal_(True).sum(dim=1).float()

    def attachment(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Edges of new patients, which lead to training patients only.

        Args:
            features: (M, D).

        Returns:
            Weights (M, N) of the training patients and (M, 1) of the patient itself.
        """
        linked = (self._similarity(features) >= self.threshold).float()
        own = linked.sum(dim=1, keepdim=True) + 1
        return linked / (own * self._degrees).sqrt(), 1 / own

    def _similarity(self, features: Tensor) -> Tensor:
        return normalize(features, dim=1) @ normalize(self.features, dim=1).T


def normalised(linked: Tensor) -> Tensor:
    """D^-1/2 A D^-1/2 (Kipf & Welling, arXiv 1609.02907)."""
    root = linked.sum(dim=1).clamp_min(1).rsqrt()
    return root[:, None] * linked * root[None, :]

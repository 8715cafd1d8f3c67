"""Encoders of one omics: a graph convolution, a linear map that ignores the graph, or the features as they are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cladeseg.files import check_choice
from cladeseg.omics.graph import ThresholdGraph

#: The switches; the graph has to earn its place against the other two.
ENCODERS = ("gcn", "linear", "identity")
_HIDDEN, _OUT = 256, 128


class Encoder(nn.Module):
    """Features and propagation along edges → embedding."""

    width: int

    def forward(self, features: Tensor, adjacency: Tensor) -> Tensor:
        """(N, D) features and (N, N) normalised adjacency → (N, width)."""
        raise NotImplementedError

    def attach(self, features: Tensor, graph: ThresholdGraph) -> Tensor:
        """(M, D) features of new patients, who see training patients only → (M, width)."""
        return self(features, torch.eye(len(features), dtype=features.dtype))


class IdentityEncoder(Encoder):
    """The features themselves; nothing is trained."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.width = features

    def forward(self, features: Tensor, adjacency: Tensor) -> Tensor:
        """The features."""
        return features


class LinearEncoder(Encoder):
    """One linear map; the graph plays no part."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.width = _OUT
        self.map = nn.Linear(features, _OUT)

    def forward(self, features: Tensor, adjacency: Tensor) -> Tensor:
        """(N, 128)."""
        return self.map(features)


class GcnEncoder(Encoder):
    """Two graph convolutions, D–256–128."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.width = _OUT
        self.first, self.second = nn.Linear(features, _HIDDEN), nn.Linear(_HIDDEN, _OUT)
        self.activation = nn.PReLU()

    def forward(self, features: Tensor, adjacency: Tensor) -> Tensor:
        """(N, 128)."""
        hidden = self.activation(adjacency @ self.first(features))
        return adjacency @ self.second(hidden)

    def attach(self, features: Tensor, graph: ThresholdGraph) -> Tensor:
        """(M, 128); what the training patients are is not changed by it."""
        edges, own = graph.attachment(features)
        before, new = self.first(graph.features), self.first(features)
        hidden = self.activation(graph.adjacency @ before)
        new = self.activation(edges @ before + own * new)
        return edges @ self.second(hidden) + own * self.second(new)


_KINDS: dict[str, type[GcnEncoder] | type[LinearEncoder] | type[IdentityEncoder]] = {
    "gcn": GcnEncoder,
    "linear": LinearEncoder,
    "identity": IdentityEncoder,
}


def build_encoder(name: str, features: int) -> Encoder:
    """An encoder by its name.

    Args:
        name: one of :data:`ENCODERS`.
        features: D.

    Raises:
        ValueError: there is no such encoder.
    """
    check_choice("contrast.encoder", name, ENCODERS)
    return _KINDS[name](features)

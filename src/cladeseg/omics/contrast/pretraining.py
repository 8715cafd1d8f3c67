"""Two views of the patient graph, an encoder for both, and InfoNCE between them (GRACE)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ignite.engine import Engine
from torch import Tensor, nn

from cladeseg.omics.contrast.encoder import Encoder, build_encoder
from cladeseg.omics.graph import ThresholdGraph, normalised
from cladeseg.omics.losses import info_nce

_PROJECTED, _PROJECTOR = 64, 64


@dataclass(frozen=True)
class PretrainingOptions:
    """How an encoder is pre-trained.

    Attributes:
        encoder: one of :data:`~cladeseg.omics.contrast.encoder.ENCODERS`.
        epochs: steps, each on the whole graph.
        learning_rate: of Adam.
        edge_drop: share of edges that each view lacks.
        feature_mask: share of features that each view lacks.
        temperature: τ.
        seed: of weights and views.
    """

    encoder: str = "gcn"
    epochs: int = 100
    learning_rate: float = 1e-3
    edge_drop: tuple[float, float] = (0.2, 0.4)
    feature_mask: tuple[float, float] = (0.2, 0.3)
    temperature: float = 0.5
    seed: int = 0


def pretrain(graph: ThresholdGraph, options: PretrainingOptions) -> tuple[Encoder, list[float]]:
    """Pre-train an encoder on all training patients of one omics, labels unseen.

    Args:
        graph: of these patients, with their features.
        options: see :class:`PretrainingOptions`.

    Returns:
        The encoder, in evaluation mode, and the loss of each epoch.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        encoder = build_encoder(options.encoder, graph.features.shape[1])
        if options.encoder == "identity":
            return encoder.eval(), []
        return encoder, _train(encoder, graph, options)


def _train(encoder: Encoder, graph: ThresholdGraph, options: PretrainingOptions) -> list[float]:
    projector = nn.Sequential(nn.Linear(encoder.width, _PROJECTOR), nn.ELU(), nn.Linear(_PROJECTOR, _PROJECTED))
    parameters = [*encoder.parameters(), *projector.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=options.learning_rate, weight_decay=1e-5)
    linked = (graph.adjacency.to_dense() > 0).float()

    def step(engine: Engine, batch: int) -> float:
        optimizer.zero_grad()
        one, other = (
            projector(encoder(masked(graph.features, mask), dropped(linked, drop)))
            for mask, drop in zip(options.feature_mask, options.edge_drop, strict=True)
        )
        loss = info_nce(one, other, options.temperature)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        return losses[-1]

    losses: list[float] = []
    Engine(step).run([0], max_epochs=options.epochs)
    encoder.eval().requires_grad_(False)
    return losses


def masked(features: Tensor, share: float) -> Tensor:
    """Features of which a share, the same for all patients, is zero."""
    return features * (torch.rand(features.shape[1]) >= share)


def dropped(linked: Tensor, share: float) -> Tensor:
    """Normalised adjacency of a graph (N, N), with self loops, that lacks a share of its edges, both ways each."""
    kept = (torch.rand_like(linked) >= share).triu(1).float()
    return normalised((linked * (kept + kept.T)).fill_diagonal_(1.0))

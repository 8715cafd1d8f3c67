"""MOGONET's form: a graph convolution for each omics and a network on the product of their class probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from cladeseg.omics.baselines.rows import TrainingRows, standardised
from cladeseg.omics.contrast import build_encoder
from cladeseg.omics.graph import ThresholdGraph

_EPOCHS, _RATE = 200, 3e-3


class _Omics(nn.Module):
    def __init__(self, features: int, count: int) -> None:
        super().__init__()
        self.encoder = build_encoder("gcn", features)
        self.classifier = nn.Linear(self.encoder.width, count)

    def forward(self, graph: ThresholdGraph, new: Tensor | None = None) -> Tensor:
        encoder = self.encoder
        embedded = encoder(graph.features, graph.adjacency) if new is None else encoder.attach(new, graph)
        return self.classifier(torch.relu(embedded))


def mogonet(rows: TrainingRows, test: Mapping[str, np.ndarray], omics: Sequence[str]) -> np.ndarray:
    """Wang et al., Nature Communications 12, 2021, in our words; classes are weighed inversely to their frequency.

    The published code weighs classes by their frequency and reports the checkpoint that is best on test patients; here
    the last epoch counts.
    """
    pairs = [[torch.from_numpy(x).float() for x in standardised(rows.values[name], test[name])] for name in omics]
    graphs = [ThresholdGraph(training, 10) for training, _ in pairs]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(rows.seed)
        parts = nn.ModuleList(_Omics(graph.features.shape[1], rows.count) for graph in graphs)
        width = rows.count ** len(omics)
        fusion = nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(), nn.Linear(width, rows.count))
        _train(parts, fusion, graphs, rows)
    with torch.no_grad():
        logits = [part(graph, new) for part, graph, (_, new) in zip(parts, graphs, pairs, strict=True)]
        return _fused(fusion, logits).softmax(dim=1).double().numpy()


def _train(parts: nn.ModuleList, fusion: nn.Module, graphs: Sequence[ThresholdGraph], rows: TrainingRows) -> None:
    labelled = torch.from_numpy(rows.labelled)
    classes = torch.from_numpy(rows.classes[rows.labelled]).long()
    counts = torch.bincount(classes, minlength=rows.count).float()
    loss_of = nn.CrossEntropyLoss(weight=torch.where(counts > 0, len(classes) / counts.clamp_min(1), 0.0))
    optimizer = torch.optim.Adam([*parts.parameters(), *fusion.parameters()], lr=_RATE)
    for _ in range(_EPOCHS):
        optimizer.zero_grad()
        logits = [part(graph)[labelled] for part, graph in zip(parts, graphs, strict=True)]
        loss = sum(loss_of(one, classes) for one in logits) + loss_of(_fused(fusion, logits), classes)
        loss.backward()
        optimizer.step()


def _fused(fusion: nn.Module, logits: Sequence[Tensor]) -> Tensor:
    """The cross-omics discovery tensor: the outer product of the omics' probabilities.

    As published they are sigmoids, each class by itself: products of three softmaxes start at 1/125, too small to learn
    from.
    """
    product = logits[0].sigmoid()
    for other in logits[1:]:
        product = (product[:, :, None] * other.sigmoid()[:, None, :]).flatten(1)
    return fusion(product)

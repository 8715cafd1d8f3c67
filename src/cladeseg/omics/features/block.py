"""One form of one omics: numbers → scores, for training patients and for anybody else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from cladeseg.omics.contrast import Encoder, PretrainingOptions, pretrain
from cladeseg.omics.features.pca import PcaScores
from cladeseg.omics.graph import ThresholdGraph

_GRAPH_DEGREE = 10
_ENCODER_INPUT = 256


@dataclass(frozen=True)
class Block:
    """Components of an omics, or of its pre-trained embedding.

    Attributes:
        scores: components of what the encoder gives, or of the values themselves.
        inputs: components that the encoder takes; ``None`` without an encoder.
        encoder: the pre-trained one.
        graph: of the training patients that it was trained on.
    """

    scores: PcaScores
    inputs: PcaScores | None = None
    encoder: Encoder | None = None
    graph: ThresholdGraph | None = None

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Scores (N, K) of patients (N, D); NaN rows stay NaN."""
        if self.inputs is None or self.encoder is None or self.graph is None:
            return self.scores.scores(values)
        given = self.inputs.scores(values)
        present = ~np.isnan(given).any(axis=1)
        found = np.full((len(given), self.scores.width), np.nan)
        with torch.no_grad():
            embedded = self.encoder.attach(torch.from_numpy(given[present]).float(), self.graph)
        found[present] = self.scores.scores(embedded.double().numpy())
        return found


def fit_block(kind: str, values: np.ndarray, components: int, contrast: PretrainingOptions) -> tuple[Block, np.ndarray]:
    """Fit a block to training patients, labels unseen.

    Args:
        kind: ``"raw"``, ``"standardised"`` or ``"contrastive"``.
        values: (N, D) with NaN rows for patients without this omics.
        components: of the result.
        contrast: of the encoder.

    Returns:
        The block, and the scores (N, K) of the training patients.
    """
    if kind != "contrastive":
        block = Block(PcaScores.fit(values, components, standardise=kind == "standardised"))
        return block, block(values)
    inputs = PcaScores.fit(values, _ENCODER_INPUT, standardise=True)
    given = inputs.scores(values)
    present = ~np.isnan(given).any(axis=1)
    graph = ThresholdGraph(torch.from_numpy(given[present]).float(), _GRAPH_DEGREE)
    encoder, _ = pretrain(graph, contrast)
    with torch.no_grad():
        embedded = encoder(graph.features, graph.adjacency).double().numpy()
    scores = PcaScores.fit(embedded, components, standardise=False)
    found = np.full((len(values), scores.width), np.nan)
    found[present] = scores.scores(embedded)
    return Block(scores, inputs, encoder, graph), found

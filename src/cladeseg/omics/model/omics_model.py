"""A fitted model: omics of patients → probability of every class, confidence per omics, who taught whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cladeseg.classes import cooled
from cladeseg.omics.features import Block
from cladeseg.omics.losses import teaching_weights
from cladeseg.omics.model.completion import Completion, completed
from cladeseg.omics.model.confidence import confidence
from cladeseg.omics.model.heads import head_logits, stacked
from cladeseg.omics.model.subsets import Subset, joint_heads
from cladeseg.omics.model.views import Scores, View

_LEAST = 1e-9


@dataclass(frozen=True)
class Predictions:
    """Of N patients, C classes and M omics.

    Attributes:
        log_p: (N, C) calibrated; NaN for a patient without any omics.
        of_omics: (N, M, C) log-probabilities of each omics' own head; NaN where it is missing.
        confidence: (N, M) of each omics' own head; NaN where it is missing.
        taught: (N, M, M) how much omics a would teach omics b, teacher first.
        uncertain: bool (N,), probability below the calibrated threshold.
    """

    log_p: np.ndarray
    of_omics: np.ndarray
    confidence: np.ndarray
    taught: np.ndarray
    uncertain: np.ndarray


@dataclass(frozen=True)
class OmicsModel:
    """Everything that predictions depend on.

    Attributes:
        omics: M names.
        blocks: by (omics, kind).
        training: scores of the training patients, whom others attach to.
        subsets: H heads.
        views: of each head.
        weights: (V, K + 1, C) of all views in the order of the heads.
        lines: (H, 2) slope and offset of each head's confidence.
        quality: (M,) mean probability of the true class on validation rows; the best omics leads.
        temperatures: (H,) of predictions in which a head is the joint one.
        completions: (H,) what a patient lacks, from what the head joins.
        threshold: probability below which a prediction is uncertain.
    """

    omics: tuple[str, ...]
    blocks: Mapping[tuple[int, str], Block]
    training: Scores
    subsets: Sequence[Subset]
    views: Sequence[Sequence[View]]
    weights: Tensor
    lines: Tensor
    quality: np.ndarray
    temperatures: np.ndarray
    threshold: float
    completions: Sequence[Completion | None]

    def predict(self, values: Mapping[str, np.ndarray]) -> Predictions:
        """Predict patients; none of them changes what another gets.

        Args:
            values: omics → (N, D) with NaN where missing; an omics that is left out is missing for all.
        """
        return self.predict_scores(self.scores_of(values))

    def scores_of(self, values: Mapping[str, np.ndarray]) -> Scores:
        """Scores of patients, which models with the same blocks share; labels played no part in them."""
        count = len(next(iter(values.values())))
        return {key: self._scores(block, values.get(self.omics[key[0]]), count) for key, block in self.blocks.items()}

    def predict_scores(self, scores: Scores) -> Predictions:
        """:meth:`predict` of patients whose scores are at hand."""
        present = np.stack([~np.isnan(self._first(scores, i)).any(axis=1) for i in range(len(self.omics))], axis=1)
        return self._predictions(scores, present)

    def _log_p(self, scores: Scores, views: Sequence[Sequence[View]], weights: Tensor) -> Tensor:
        """(H, N, C) of the heads that have these views; the last head's are as wide as any."""
        features = stacked([view(self.training, scores) for group in views for view in group])
        return pooled(head_logits(features, weights[None])[0], views)

    def _fused(self, log_p: Tensor, scores: Scores, present: np.ndarray, heads: np.ndarray) -> Tensor:
        """The joint head of what is there; where something is missing, its mean with the head of all omics.

        The latter sees what the missing omics would score, so that the best omics teaches the others' features, too.
        """
        joint = fuse(log_p, present, self.subsets)
        lacking = (heads >= 0) & ~present.all(axis=1)
        if lacking.any() and any(completion is not None for completion in self.completions):
            rows = {key: table[lacking] for key, table in scores.items()}
            filled = completed(rows, heads[lacking], self.completions)
            last = len(self.views[-1])
            whole = self._log_p(filled, self.views[-1:], self.weights[-last:])[0]
            joint[lacking] = mean_of(joint[lacking], whole)
        return joint

    def joined_scores(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """(N, K) that the head of all omics sees, without neighbours; zeros, the mean, where an omics is missing."""
        count, view = len(next(iter(values.values()))), self.views[-1][0]
        keys = [(i, view.block) for i in view.subset]
        scores = [np.nan_to_num(self._scores(self.blocks[key], values.get(self.omics[key[0]]), count)) for key in keys]
        return np.hstack([w * one for w, one in zip(view.weights, scores, strict=True)])

    def _scores(self, block: Block, values: np.ndarray | None, count: int) -> np.ndarray:
        return np.full((count, block.scores.width), np.nan) if values is None else block(values)

    def _first(self, scores: Scores, omics: int) -> np.ndarray:
        return next(x for (i, _), x in scores.items() if i == omics)

    def _predictions(self, scores: Scores, present: np.ndarray) -> Predictions:
        single = len(self.omics)
        heads = joint_heads(present, self.subsets)
        temperatures = torch.from_numpy(self.temperatures[heads])[:, None]
        log_p = self._log_p(scores, self.views, self.weights)
        fused = cooled(self._fused(log_p, scores, present, heads), temperatures)
        sure = torch.stack([confidence(log_p[i], self.lines[i]) for i in range(single)])
        sure[~torch.from_numpy(present.T)] = torch.nan
        taught = teaching_weights(sure).permute(2, 0, 1).nan_to_num()
        of_omics = log_p[:single].permute(1, 0, 2).clone()
        of_omics[~torch.from_numpy(present)] = torch.nan
        fused[torch.from_numpy(heads < 0)] = torch.nan
        uncertain = ~(fused.exp().max(dim=-1).values >= self.threshold)
        arrays = (one.numpy() for one in (fused, of_omics, sure.T, taught, uncertain))
        return Predictions(*arrays)


def mean_of(one: Tensor, other: Tensor) -> Tensor:
    """Log of the mean of two probabilities."""
    return torch.logaddexp(one, other) - np.log(2)


def pooled(logits: Tensor, views: Sequence[Sequence[View]]) -> Tensor:
    """Log of the mean probability over the views of each head, by their shares: (*, V, N, C) → (*, H, N, C)."""
    groups = logits.double().softmax(dim=-1).split([len(group) for group in views], dim=-3)
    return (
        torch.stack([_mean(p, group) for p, group in zip(groups, views, strict=True)], dim=-3).clamp_min(_LEAST).log()
    )


def _mean(p: Tensor, views: Sequence[View]) -> Tensor:
    shares = torch.tensor([view.share for view in views], dtype=p.dtype)
    return (p * (shares / shares.sum())[:, None, None]).sum(dim=-3)


def fuse(log_p: Tensor, present: np.ndarray, subsets: Sequence[Subset]) -> Tensor:
    """Each patient's joint head: (*, H, N, C) → (*, N, C); the first head's where a patient has nothing at all.

    Args:
        log_p: of the heads.
        present: bool (N, M).
        subsets: omics of each head.
    """
    joint = torch.from_numpy(joint_heads(present, subsets).clip(0))
    return log_p[..., joint, torch.arange(len(present)), :]

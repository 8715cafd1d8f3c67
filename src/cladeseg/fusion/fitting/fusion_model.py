"""Patients → log p(class), with how much each modality counted and where the network looked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cladeseg.classes import leaf_columns
from cladeseg.cohort import dealt_folds
from cladeseg.files import DataError
from cladeseg.fusion.data import FusionCohort
from cladeseg.fusion.fitting.ensemble import PATTERNS, NetworkEnsemble, fit_ensemble
from cladeseg.fusion.fitting.inputs import Batch, InputScaling, fit_inputs
from cladeseg.fusion.fitting.linear import LINEAR, LinearExpert, fit_linear
from cladeseg.fusion.fitting.options import FitSettings
from cladeseg.fusion.fitting.pool import pool_weights, pooled
from cladeseg.fusion.model import FusionOutput

#: Name of the networks among the experts.
NETWORK = "network"
#: Linear models that take part; where both modalities lie side by side, that may be all that few patients can teach.
EXPERTS = ("genes: LR", "genes: PCA + LR", "images: LR", "both: LR")


@dataclass(frozen=True)
class FusionPrediction:
    """Of N patients.

    Attributes:
        log_p: (N, C) log p(class); NaN where a patient has nothing that the model takes.
        modalities: (N, 2) weights of images and expression, which add to 1.
        network: what the networks returned, with the attention.
    """

    log_p: Tensor
    modalities: Tensor
    network: FusionOutput


@dataclass(frozen=True)
class FusionModel:
    """A fitted model.

    Attributes:
        scaling: of its inputs.
        ensemble: its networks.
        experts: name → linear model.
        weights: pattern of modalities → weight of each expert.
    """

    scaling: InputScaling
    ensemble: NetworkEnsemble
    experts: Mapping[str, LinearExpert]
    weights: Mapping[str, Mapping[str, float]]

    def predict(self, cohort: FusionCohort) -> FusionPrediction:
        """Of any patients; see :meth:`InputScaling.batch` for what is refused."""
        return self.predict_batch(self.scaling.batch(cohort))

    def predict_batch(self, batch: Batch) -> FusionPrediction:
        """Of scaled patients."""
        found = self.ensemble.output(batch)
        log_p = {NETWORK: found.log_p} | {name: expert.log_p(batch) for name, expert in self.experts.items()}
        fused, shares = torch.full_like(found.log_p, torch.nan), torch.full((len(batch), 2), torch.nan)
        for pattern, rows in _rows_by_pattern(batch).items():
            weights = self.weights[pattern]
            fused[rows] = pooled({name: log_p[name][rows] for name in weights}, weights)
            shares[rows] = _shares(weights, found.modalities[rows])
        return FusionPrediction(fused, shares, found)


def _rows_by_pattern(batch: Batch) -> dict[str, Tensor]:
    present = batch.present
    found = {name: (present == torch.tensor(p)).all(dim=1).nonzero()[:, 0] for name, p in PATTERNS.items()}
    return {name: rows for name, rows in found.items() if len(rows)}


def _shares(weights: Mapping[str, float], of_network: Tensor) -> Tensor:
    """(N, 2): an expert's weight goes to its modalities in equal parts, the network's as its pooling divides it."""
    total = weights.get(NETWORK, 0.0) * of_network
    for name, weight in weights.items():
        if name != NETWORK:
            needed = torch.tensor(LINEAR[name], dtype=total.dtype)
            total = total + weight * needed / needed.sum()
    return total / total.sum(dim=1, keepdim=True).clamp_min(1e-12)


def fit_fusion(cohort: FusionCohort, settings: FitSettings) -> FusionModel:
    """Fit on training patients; nobody else is looked at.

    Inner folds stop each network and choose the weights of all experts.  Scaling, panel and groups are those of all
    training patients, so that every inner network takes the same genes.

    Raises:
        DataError: there are too few labelled patients, or pathways do not fit.
    """
    cohort = cohort.take(np.flatnonzero(cohort.has_images | cohort.has_expression))
    folds = _inner_folds(cohort, settings)
    scaling = fit_inputs(cohort, settings)
    batch, possible = scaling.batch(cohort), leaf_columns(cohort.tree)[cohort.labels]
    ensemble, held_out = fit_ensemble(batch, possible, folds, scaling, settings)
    names = EXPERTS if settings.training.experts else ()
    count = possible.shape[1]
    fitted = {name: fit_linear(name, batch, cohort.classes, count) for name in names}
    experts = {name: expert for name, expert in fitted.items() if expert is not None}
    linear = {name: _held_out_linear(name, batch, cohort.classes, folds, count) for name in experts}
    weights = {
        name: pool_weights({NETWORK: held_out[name], **_usable(linear, pattern)}, possible)
        for name, pattern in PATTERNS.items()
    }
    return FusionModel(scaling, ensemble, experts, weights)


def _inner_folds(cohort: FusionCohort, settings: FitSettings) -> np.ndarray:
    """(N,), dealt in an order by seed; -1 for those whose class is not known."""
    classes, count = cohort.classes, settings.training.inner_folds
    sizes = np.bincount(classes[classes >= 0], minlength=2)
    if (sizes > 0).sum() < 2 or sizes.sum() < 2 * count:
        raise DataError(
            f"labels: {int(sizes.sum())} patients of {int((sizes > 0).sum())} classes are too few to train on and "
            f"hold out in {count} parts; add labelled patients"
        )
    order = np.random.default_rng(settings.seed).permutation(len(classes))
    folds = np.empty(len(classes), dtype=int)
    folds[order] = dealt_folds(classes[order], count)
    return folds


def _held_out_linear(name: str, batch: Batch, classes: np.ndarray, folds: np.ndarray, count: int) -> Tensor:
    """(N, C) log p of each patient by a model that did not see them."""
    found = torch.full((len(batch), count), torch.nan)
    for fold in range(int(folds.max()) + 1):
        kept, out = (torch.from_numpy(np.flatnonzero(rows)) for rows in (folds != fold, folds == fold))
        expert = fit_linear(name, batch.take(kept), classes[kept.numpy()], count)
        if expert is not None:
            found[out] = expert.log_p(batch.take(out))
    return found


def _usable(linear: Mapping[str, Tensor], pattern: tuple[bool, bool]) -> dict[str, Tensor]:
    """Linear models that need no more than the pattern has."""
    return {
        name: log_p
        for name, log_p in linear.items()
        if all(has or not need for has, need in zip(pattern, LINEAR[name], strict=True))
    }

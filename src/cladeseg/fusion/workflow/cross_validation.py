"""Each fold's patients, predicted by a model that was fitted on all others."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from cladeseg.fusion.data import FusionCohort
from cladeseg.fusion.fitting import FitSettings, FusionModel, fit_fusion
from cladeseg.fusion.workflow.predictions_table import predictions_frame

logger = logging.getLogger(__name__)


def split_folds(cohort: FusionCohort, folds: Mapping[str, int]) -> Iterator[tuple[int, FusionCohort, FusionCohort]]:
    """Fold, patients to train on, patients to test; who is in no fold is trained on in each."""
    fold = np.array([folds.get(name, -1) for name in cohort.patients])
    for number in range(max(folds.values()) + 1):
        yield number, cohort.take(np.flatnonzero(fold != number)), cohort.take(np.flatnonzero(fold == number))


def cross_validate(
    cohort: FusionCohort, folds: Mapping[str, int], settings: FitSettings
) -> tuple[pd.DataFrame, list[FusionModel]]:
    """Predictions of every patient in a fold, and the model of each fold."""
    frames, models = [], []
    for number, training, test in split_folds(cohort, folds):
        logger.info("fold %d: %d patients to train on, %d to test", number, len(training.patients), len(test.patients))
        models.append(fit_fusion(training, settings))
        found = models[-1].predict(test)
        p, weights = found.log_p.exp().double().numpy(), found.modalities.numpy()
        frames.append(predictions_frame(test.patients, p, weights, cohort.tree, folds=folds))
    return pd.concat(frames).sort_values("patient", kind="stable"), models

"""A cohort's tables with the columns that a trained model takes, found by name."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from cladeseg.files import DataError
from cladeseg.omics.data import OmicsCohort

logger = logging.getLogger(__name__)


def matched_values(
    cohort: OmicsCohort, features: Mapping[str, tuple[str, ...]], *, allow_missing: bool
) -> dict[str, np.ndarray]:
    """Omics → (N, D) in the model's order of columns; NaN for an omics that the cohort lacks.

    Args:
        cohort: new patients.
        features: omics → names that the model was trained on.
        allow_missing: take a table that lacks some of them.

    Raises:
        DataError: no omics of the model is there, or one lacks features and that is not allowed.
    """
    if not set(features) & set(cohort.omics):
        raise DataError(
            f"omics: the data have {', '.join(cohort.omics)}, the model was trained on {', '.join(features)}; "
            "name the tables as those of the training"
        )
    return {name: _matched(cohort, name, columns, allow_missing) for name, columns in features.items()}


def _matched(cohort: OmicsCohort, name: str, columns: tuple[str, ...], allow_missing: bool) -> np.ndarray:
    found = np.full((len(cohort.patients), len(columns)), np.nan)
    if name not in cohort.values:
        return found
    place = {feature: i for i, feature in enumerate(cohort.features[name])}
    missing = [feature for feature in columns if feature not in place]
    if missing and (not allow_missing or len(missing) == len(columns)):
        raise DataError(
            f"{name}: lacks {len(missing)} of the {len(columns)} features that the model takes, e.g. '{missing[0]}'; "
            "add them, or allow gaps with --settings#data#allow_missing True"
        )
    for i, feature in enumerate(columns):
        if feature in place:
            found[:, i] = cohort.values[name][:, place[feature]]
    surplus = len(place) - (len(columns) - len(missing))
    if missing or surplus:
        logger.info("%s: %d features are missing, %d are not used", name, len(missing), surplus)
    return found

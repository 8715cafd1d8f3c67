"""What a baseline is trained on, and the features that several of them share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cladeseg.omics.features import PcaScores


@dataclass(frozen=True)
class TrainingRows:
    """Training patients as plain arrays.

    Attributes:
        values: omics → (N, D), NaN where missing.
        classes: (N,) class of each patient, -1 where it is hidden; superclasses say nothing to a baseline.
        count: number C of classes.
        seed: of methods that have one.
    """

    values: Mapping[str, np.ndarray]
    classes: np.ndarray
    count: int
    seed: int = 0

    @property
    def labelled(self) -> np.ndarray:
        """Positions of the patients whose class is known."""
        return np.flatnonzero(self.classes >= 0)


def usable_omics(test: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Those that at least one test patient has."""
    return tuple(name for name, table in test.items() if not np.isnan(table).all())


def standardised(training: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both by mean and standard deviation of the training patients; gaps become 0, the mean."""
    mean, spread = np.nanmean(training, axis=0), np.nanstd(training, axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return np.nan_to_num((training - mean) / spread), np.nan_to_num((test - mean) / spread)


def joined(rows: TrainingRows, test: Mapping[str, np.ndarray], omics: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Early concatenation of standardised features."""
    pairs = [standardised(rows.values[name], test[name]) for name in omics]
    return np.hstack([one for one, _ in pairs]), np.hstack([other for _, other in pairs])


def principal(
    rows: TrainingRows, test: Mapping[str, np.ndarray], omics: Sequence[str], *, standardise: bool, components: int = 60
) -> tuple[np.ndarray, np.ndarray]:
    """Components of each omics, fitted on all training patients; the first omics by name that holds mRNA counts 3."""
    pairs = []
    for name in omics:
        training, given = rows.values[name], test[name]
        mean = np.nanmean(training, axis=0)
        filled, new = np.where(np.isnan(training), mean, training), np.where(np.isnan(given), mean, given)
        pca = _pca(filled, components, standardise)
        weight = 3.0 if name.lower() == "mrna" else 1.0
        pairs.append((weight * pca.scores(filled), weight * pca.scores(new)))
    return np.hstack([one for one, _ in pairs]), np.hstack([other for _, other in pairs])


_FITTED: dict[tuple[str, int, bool], PcaScores] = {}
_KEPT = 16


def _pca(values: np.ndarray, components: int, standardise: bool) -> PcaScores:
    """Components see no label, so that methods and draws on the same patients share them; the newest are kept."""
    key = (hashlib.sha256(values.tobytes()).hexdigest(), components, standardise)
    if key not in _FITTED:
        if len(_FITTED) >= _KEPT:
            del _FITTED[next(iter(_FITTED))]
        _FITTED[key] = PcaScores.fit(values, components, standardise=standardise)
    return _FITTED[key]

"""Principal components of one omics, with scores for patients of whom some features are missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Rounds in which missing training values are filled from the components, and those fitted again.
_FILL_ROUNDS = 5


@dataclass(frozen=True)
class PcaScores:
    """A centred, optionally standardised, projection (Tipping & Bishop, J. R. Stat. Soc. B 61(3), 1999).

    Components of a *raw* block follow the features that vary most, those of a *standardised* one what many features
    share.  Scores are divided by the root of the explained variance, so that blocks of different omics weigh the same.

    Attributes:
        mean: (D,).
        scale: (D,), ones for a raw block.
        components: (D, K), orthonormal columns.
        variances: (K,) of the scores before they are divided.
        noise: variance of a feature that the components leave.
    """

    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    noise: float

    @classmethod
    def fit(cls, values: np.ndarray, components: int, *, standardise: bool) -> PcaScores:
        """Fit to training patients.

        Args:
            values: (N, D); NaN where a value is missing, also whole rows.
            components: largest number K of components; fewer where patients or features are.
            standardise: divide each feature by its standard deviation first.
        """
        rows = values[~np.isnan(values).all(axis=1)]
        mean = np.nanmean(rows, axis=0)
        spread = np.nanstd(rows, axis=0)
        scale = np.where(spread > 0, spread, 1.0) if standardise else np.ones_like(mean)
        centred = (rows - mean) / scale
        missing = np.isnan(centred)
        fitted = cls._of(np.where(missing, 0.0, centred), mean, scale, components)
        for _ in range(_FILL_ROUNDS if missing.any() else 0):
            filled = np.where(missing, fitted._scores(centred) @ fitted.components.T, centred)
            fitted = cls._of(filled, mean, scale, components)
        return fitted

    @classmethod
    def _of(cls, centred: np.ndarray, mean: np.ndarray, scale: np.ndarray, components: int) -> PcaScores:
        count, width = centred.shape
        _, singular, axes = np.linalg.svd(centred, full_matrices=False)
        kept = max(1, min(components, int((singular > 1e-8 * singular[:1]).sum())))
        left = float((singular[kept:] ** 2).sum() / count / max(1, width - kept))
        # The sign of an axis is arbitrary: that of its largest weight makes it the same on every machine.
        largest = axes[np.arange(kept), np.abs(axes[:kept]).argmax(axis=1)]
        return cls(mean, scale, (axes[:kept] * np.sign(largest)[:, None]).T, singular[:kept] ** 2 / count, left)

    @property
    def width(self) -> int:
        """Number K of components."""
        return self.components.shape[1]

    def scores(self, values: np.ndarray) -> np.ndarray:
        """Scores (N, K) of patients (N, D), scaled to a total variance of one; NaN for a patient without any value.

        Where some features are missing, the scores are their expectation given the others.
        """
        found = self._scores((values - self.mean) / self.scale)
        return found / self._spread

    @property
    def _spread(self) -> float:
        """Standard deviation of all components together."""
        return float(np.sqrt(max(self.variances.sum(), np.finfo(float).tiny)))

    def contributions(self, values: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """What each feature adds to something that is linear in the scores; (N, V, D), 0 for missing values.

        Args:
            values: (N, D).
            slopes: (N, V, K) of V such things.
        """
        distance = np.nan_to_num((values - self.mean) / self.scale)
        return distance[:, None] * (slopes @ self.components.T) / self._spread

    def _scores(self, centred: np.ndarray) -> np.ndarray:
        missing = np.isnan(centred)
        found = np.where(missing, 0.0, centred) @ self.components
        for row in np.flatnonzero(missing.any(axis=1)):
            known = ~missing[row]
            found[row] = self._expected(centred[row, known], self.components[known]) if known.any() else np.nan
        return found

    def _expected(self, known: np.ndarray, components: np.ndarray) -> np.ndarray:
        precision = self.noise / np.maximum(self.variances, np.finfo(float).tiny)
        return np.linalg.solve(components.T @ components + np.diag(precision + 1e-9), components.T @ known)

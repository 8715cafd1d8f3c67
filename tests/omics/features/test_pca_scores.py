"""Components with gaps."""

from __future__ import annotations

import numpy as np
import pytest

from cladeseg.omics.features import PcaScores


def low_rank(rows: int = 60, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=(rows, 3)) @ random.normal(size=(3, 40)) + 0.01 * random.normal(size=(rows, 40))


def test_scores_have_total_variance_one() -> None:
    table = low_rank()
    scores = PcaScores.fit(table, 40, standardise=True).scores(table)
    assert scores.var(axis=0).sum() == pytest.approx(1, abs=1e-6)


def test_half_the_features_give_the_same_scores_where_they_determine_them() -> None:
    table = low_rank()
    fitted = PcaScores.fit(table, 3, standardise=False)
    masked = np.where(np.random.default_rng(1).random(table.shape) < 0.5, np.nan, table)
    assert np.abs(fitted.scores(masked) - fitted.scores(table)).max() < 0.02


def test_a_patient_without_values_has_no_scores() -> None:
    table = low_rank()
    fitted = PcaScores.fit(table, 3, standardise=False)
    assert np.isnan(fitted.scores(np.full((1, 40), np.nan))).all()


def test_gaps_in_training_change_little() -> None:
    table = low_rank()
    gaps = np.where(np.random.default_rng(2).random(table.shape) < 0.2, np.nan, table)
    one, other = (PcaScores.fit(x, 3, standardise=False).scores(table) for x in (table, gaps))
    assert np.abs(one - other).max() < 0.1

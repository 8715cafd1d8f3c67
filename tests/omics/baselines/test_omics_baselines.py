"""Every baseline: right on what is planted, no label of an unlabelled patient, an omics missing."""

from __future__ import annotations

import numpy as np
import pytest

from cladeseg.omics.baselines import BASELINES, TrainingRows, run_baseline
from cladeseg.omics.phantoms import generate_omics
from cladeseg.omics.phantoms.omics_phantom import CLASSES


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("without", [None, "mrna"])
def test_it_beats_chance_and_gives_probabilities(name: str, without: str | None) -> None:
    tables, labels = generate_omics(120)
    values = {omics: table.to_numpy() for omics, table in tables.items()}
    classes = np.array([list(CLASSES).index(v) for v in labels])
    rows = TrainingRows({n: x[:80] for n, x in values.items()}, np.where(np.arange(80) < 50, classes[:80], -1), 5)
    test = {n: np.full_like(x[80:], np.nan) if n == without else x[80:] for n, x in values.items()}
    found = run_baseline(name, rows, test)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    # MOGONET sees patients through their neighbours alone, whom here hidden factors choose more than classes do.
    least = {None: 0.45, "mrna": 0.35}[without] if name == "mogonet" else {None: 0.5, "mrna": 0.45}[without]
    assert (found.argmax(axis=1) == classes[80:]).mean() > least

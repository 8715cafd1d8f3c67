"""Integrated gradients: complete, linear where the model is, nothing for what is missing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from cladeseg.omics.model import ModelOptions, OmicsFit, OmicsModel, attributions
from cladeseg.omics.phantoms import generate_omics
from cladeseg.omics.phantoms.omics_phantom import CLASSES

MEMBERS = torch.tensor([[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1]]).bool()
Values = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def cohort() -> tuple[Values, torch.Tensor]:
    tables, labels = generate_omics(100)
    classes = torch.tensor([list(CLASSES).index(v) for v in labels])
    return {name: tables[name].to_numpy() for name in sorted(tables)}, torch.nn.functional.one_hot(classes, 5).bool()


def fitted(cohort: tuple[Values, torch.Tensor], strength: float, shown: int = 60) -> OmicsModel:
    values, known = cohort
    known = known[:80].clone()
    known[shown:] = True
    options = ModelOptions(components=10, folds=2, strength=strength)
    return OmicsFit({n: x[:80] for n, x in values.items()}, known, options).run()


def log_odds(model: OmicsModel, values: Values, members: torch.Tensor) -> np.ndarray:
    log_p = model.predict(values).log_p
    parts = [logsumexp(np.where(inside.numpy(), log_p[:, None], -np.inf), axis=2) for inside in (members, ~members)]
    return parts[0] - parts[1]


def test_they_sum_to_the_difference_from_the_mean_patient(cohort: tuple[Values, torch.Tensor]) -> None:
    model = fitted(cohort, strength=0.0)
    test = {n: x[80:] for n, x in cohort[0].items()}
    mean = {n: np.broadcast_to(model.blocks[i, "raw"].scores.mean, test[n].shape) for i, n in enumerate(model.omics)}
    found = sum(one.sum(axis=2) for one in attributions(model, test, MEMBERS).values())
    assert np.allclose(found, log_odds(model, test, MEMBERS) - log_odds(model, mean, MEMBERS), atol=0.02)


def test_what_neighbours_say_has_no_share(cohort: tuple[Values, torch.Tensor]) -> None:
    test = {n: x[80:] for n, x in cohort[0].items()}
    alone, smoothed = (
        np.abs(attributions(fitted(cohort, strength=s, shown=20), test, MEMBERS)["mrna"]).sum() for s in (0.0, 1.0)
    )
    assert smoothed < alone  # of the two views, the one that sees neighbours alone adds nothing


def test_a_node_and_the_rest_of_the_tree_share_with_opposite_sign(cohort: tuple[Values, torch.Tensor]) -> None:
    found = attributions(fitted(cohort, strength=0.8), {n: x[80:] for n, x in cohort[0].items()}, MEMBERS)
    assert all(np.allclose(one[:, 1], -one[:, 2], atol=1e-9) for one in found.values())


def test_a_missing_omics_has_no_share(cohort: tuple[Values, torch.Tensor]) -> None:
    test = {n: np.full_like(x[80:], np.nan) if n == "mrna" else x[80:] for n, x in cohort[0].items()}
    found = attributions(fitted(cohort, strength=0.8), test, MEMBERS)
    assert not found["mrna"].any()
    assert found["meth"].any()

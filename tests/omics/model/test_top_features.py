"""Features that carry a planted difference come first, by name, whatever the seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cladeseg.omics.model import ModelOptions, OmicsFit, OmicsModel, top_features

NAMES = {"mrna": [f"g{i}" for i in range(12)]}


def planted(seed: int) -> tuple[OmicsModel, dict[str, np.ndarray]]:
    random = np.random.default_rng(seed)
    classes = np.arange(60) % 2
    values = random.normal(size=(60, 12))
    values[classes == 1, 3] += 4
    values[classes == 0, 7] += 4
    known = torch.nn.functional.one_hot(torch.from_numpy(classes), 2).bool()
    return OmicsFit({"mrna": values}, known, ModelOptions(components=12, folds=2)).run(), {"mrna": values}


@pytest.mark.parametrize("seed", range(3))
def test_planted_features_are_on_top_whatever_the_seed(seed: int) -> None:
    model, values = planted(seed)
    table = top_features(model, values, torch.eye(2).bool(), ["a", "b"], NAMES, count=2)
    # Low values of the other class's feature speak for a class as well.
    assert [set(one["feature"]) for _, one in table.groupby("node")] == [{"g3", "g7"}] * 2
    assert (table["attribution"] > 0).all()


def test_kept_counts_the_other_models_that_name_the_same() -> None:
    model, values = planted(0)
    blind = replace(model, weights=torch.zeros_like(model.weights))
    table = top_features(model, values, torch.eye(2).bool(), ["a", "b"], NAMES, others=[model, blind], count=1)
    assert set(table["feature"]) <= {"g3", "g7"}
    assert table["kept"].tolist() == [0.5, 0.5]


def test_a_node_that_nobody_is_in_has_no_list() -> None:
    model, values = planted(0)
    weights = model.weights.clone()
    weights[:, -1, 0] += 10  # the bias of the first class
    table = top_features(replace(model, weights=weights), values, torch.eye(2).bool(), ["a", "b"], NAMES)
    assert set(table["node"]) == {"a"}

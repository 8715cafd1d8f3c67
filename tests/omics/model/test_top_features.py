"""Features that carry a planted difference come first."""

from __future__ import annotations

import numpy as np
import torch

from cladeseg.omics.model import ModelOptions, OmicsFit, top_features


def test_planted_features_are_on_top_whatever_the_seed() -> None:
    names = {"mrna": [f"g{i}" for i in range(12)]}
    for seed in range(3):
        random = np.random.default_rng(seed)
        classes = np.arange(60) % 2
        values = random.normal(size=(60, 12))
        values[classes == 1, 3] += 4
        values[classes == 0, 7] += 4
        known = torch.nn.functional.one_hot(torch.from_numpy(classes), 2).bool()
        model = OmicsFit({"mrna": values}, known, ModelOptions(components=12, folds=2)).run()
        table = top_features(model, names, ["a", "b"], count=1)
        assert table["feature"].tolist() == ["g7", "g3"]

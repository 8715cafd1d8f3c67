"""Weights of several methods' logits in one, learnt on pairs of classes that none of them has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from cladeseg.clustering.calibration.pair_logits import PairLogits


@dataclass(frozen=True)
class Combination:
    """Logit = intercept + Σ weight · logit of a method.

    Attributes:
        methods: names.
        weights: of each; not below zero.
        intercept: of the logit.
    """

    methods: tuple[str, ...]
    weights: tuple[float, ...]
    intercept: float

    def logits(self, of: Mapping[str, PairLogits]) -> PairLogits:
        """Of n objects, from the methods' own."""
        pairs = self._weighed([of[name].pairs for name in self.methods]) + self.intercept
        levels = [held for name in self.methods if (held := of[name].levels) is not None]
        return PairLogits(pairs, self._weighed(levels) if len(levels) == len(self.methods) else None)

    def _weighed(self, of: Sequence[np.ndarray]) -> np.ndarray:
        return np.asarray(np.sum([weight * each for weight, each in zip(self.weights, of, strict=True)], axis=0))


def fit_combination(
    methods: Sequence[str], parts: Sequence[tuple[Mapping[str, PairLogits], np.ndarray]]
) -> Combination:
    """Learn weights by logistic regression; a method that would count against itself is left out.

    Args:
        methods: names.
        parts: for each set of n objects the methods' logits and the classes (n,).
    """
    kept = list(methods)
    while True:
        model = _fit(kept, parts)
        weights = model.coef_[0]
        if len(kept) == 1 or weights.min() >= 0:
            break
        kept.pop(int(weights.argmin()))
    return Combination(tuple(kept), tuple(float(max(one, 1e-3)) for one in weights), float(model.intercept_[0]))


def _fit(methods: Sequence[str], parts: Sequence[tuple[Mapping[str, PairLogits], np.ndarray]]) -> LogisticRegression:
    inputs, same = [], []
    for logits, classes in parts:
        rows, columns = np.triu_indices(len(classes), 1)
        inputs.append(np.stack([logits[name].pairs[rows, columns] for name in methods], axis=1))
        same.append(classes[rows] == classes[columns])
    return LogisticRegression(C=1.0, class_weight="balanced", max_iter=1000).fit(
        np.concatenate(inputs), np.concatenate(same)
    )

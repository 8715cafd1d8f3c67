"""The methods that compare two objects, each trained on some of the objects: descriptors, key points, twin network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from cladeseg.clustering.calibration import PairLogits
from cladeseg.clustering.descriptors import DescriptorModel, channels_of, fit_descriptors, object_vectors
from cladeseg.clustering.model.candidate_pairs import candidate_pairs, fill_in
from cladeseg.clustering.model.options import ModelOptions, PqapOptions
from cladeseg.clustering.multicut import logit
from cladeseg.clustering.objects import ObjectSet
from cladeseg.clustering.pqap import (
    PqapParameters,
    SolverEffort,
    best_threshold,
    learn_parameters,
    pair_similarities,
    probability_of,
)
from cladeseg.clustering.twin import Pictures, TwinNetwork, train_twin, twin_logits
from cladeseg.files import DataError

#: The baseline's name, which every evaluation scores beside the others.
DESCRIPTORS, PQAP, TWIN = "descriptors", "pqap", "twin"


@dataclass(frozen=True)
class Comparison:
    """How objects are described and matched, whoever learns from it.

    Attributes:
        channels: whose key points descriptors look at.
        parameters: of the assignment's objective.
        options: of all methods.
    """

    channels: tuple[int, ...]
    parameters: PqapParameters
    options: ModelOptions

    def with_max_pairs(self, most: int) -> Comparison:
        """The same, with another number of pairs whose key points are matched at most.

        Raises:
            DataError: the number is below 1.
        """
        if most < 1:
            raise DataError(f"max_pairs: is {most}; it must be 1 or more")
        pqap = self.options.pqap.model_copy(update={"max_pairs": most})
        return replace(self, options=self.options.model_copy(update={"pqap": pqap}))


@dataclass
class PairMethods:
    """Trained methods.

    Attributes:
        comparison: what they have in common.
        descriptors: the baseline.
        threshold: similarity of key points at which two objects are as likely of one kind as not; ``None`` without.
        twin: the network; ``None`` without.
    """

    comparison: Comparison
    descriptors: DescriptorModel
    threshold: float | None = None
    twin: TwinNetwork | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the methods that there are."""
        there = {DESCRIPTORS: True, PQAP: self.threshold is not None, TWIN: self.twin is not None}
        return tuple(name for name, held in there.items() if held)

    def logits(
        self, seen: Measured, device: str | torch.device = "cpu", *, references: int = 0
    ) -> dict[str, PairLogits]:
        """Of all pairs by each method.

        Args:
            seen: n objects, then R references.
            device: of the twin network.
            references: R.
        """
        found = {DESCRIPTORS: self.descriptors.logits(seen.vectors)}
        if self.threshold is not None and seen.similarity is not None:
            known = logit(probability_of(seen.similarity, self.threshold)).astype(np.float32)
            found[PQAP] = fill_in(known, found[DESCRIPTORS])
        if self.twin is not None and seen.pictures is not None:
            found[TWIN] = twin_logits(self.twin, seen.pictures, device)
        return {name: PairLogits.beside(held, references) for name, held in found.items()}


@dataclass(frozen=True)
class Measured:
    """Objects as the methods see them.

    Attributes:
        vectors: rows of descriptors; (n, D).
        similarity: of key points, NaN for pairs that were not matched; (n, n), ``None`` if none was.
        pictures: float (n, C, H, W), ``None`` without.
    """

    vectors: np.ndarray
    similarity: np.ndarray | None
    pictures: torch.Tensor | None

    def subset(self, rows: np.ndarray) -> Measured:
        """Some of the objects."""
        return Measured(
            self.vectors[rows],
            None if self.similarity is None else self.similarity[np.ix_(rows, rows)],
            None if self.pictures is None else self.pictures[torch.as_tensor(rows)],
        )


def prepare(objects: ObjectSet, classes: np.ndarray, options: ModelOptions, *, seed: int) -> Comparison:
    """What the training objects decide before anything is compared: channels, and the assignment's parameters."""
    parameters = PqapParameters()
    if options.pqap.enabled and options.pqap.learn_steps and all(one.points for one in objects.objects):
        points = [one.points for one in objects.objects if one.points is not None]
        parameters = learn_parameters(points, classes, steps=options.pqap.learn_steps, seed=seed).parameters
    return Comparison(tuple(channels_of(objects)), parameters, options)


def measure(
    objects: ObjectSet,
    comparison: Comparison,
    *,
    store: str | Path | None = None,
    baseline: DescriptorModel | None = None,
) -> Measured:
    """Describe objects and match their key points.

    Args:
        objects: n of them.
        comparison: how.
        store: file in which finished pairs are kept.
        baseline: says which pairs are worth matching where there are too many; nearest vectors if ``None``.
    """
    vectors = object_vectors(objects, comparison.channels)
    options = comparison.options
    similarity = None
    if options.pqap.enabled and len(objects) and all(one.points is not None for one in objects.objects):
        similarity = _similarity(objects, vectors, comparison, store=store, baseline=baseline)
    crops = [one.crop for one in objects.objects]
    pictures = None
    if options.twin.enabled and crops and all(crop is not None for crop in crops):
        pictures = torch.as_tensor(np.stack([crop for crop in crops if crop is not None])).permute(0, 3, 1, 2)
    return Measured(vectors, similarity, pictures)


def _similarity(
    objects: ObjectSet,
    vectors: np.ndarray,
    comparison: Comparison,
    *,
    store: str | Path | None,
    baseline: DescriptorModel | None,
) -> np.ndarray:
    options = comparison.options.pqap
    pairs = candidate_pairs(vectors, options.max_pairs, baseline)
    points = [one.points for one in objects.objects if one.points is not None]
    found = pair_similarities(
        points, pairs, parameters=comparison.parameters, effort=effort_of(options), workers=options.workers, store=store
    )
    full = np.full((len(points), len(points)), np.nan, dtype=np.float32)
    full[pairs[:, 0], pairs[:, 1]] = full[pairs[:, 1], pairs[:, 0]] = found
    np.fill_diagonal(full, 1.0)
    return full


def effort_of(options: PqapOptions) -> SolverEffort:
    """The solver's effort by its settings."""
    return SolverEffort(options.rotations, options.kept, options.improvements)


def fit_methods(
    seen: Measured,
    classes: np.ndarray,
    comparison: Comparison,
    *,
    validation: np.ndarray,
    steps: int,
    seed: int,
    device: str | torch.device = "cpu",
) -> PairMethods:
    """Train all methods.

    Args:
        seen: training and validation objects; n of them.
        classes: (n,).
        comparison: what was prepared.
        validation: which of them choose the twin network's best step and train no network; bool (n,).
        steps: of the twin network.
        seed: of samples and weights.
        device: of the twin network.
    """
    methods = PairMethods(comparison, fit_descriptors(seen.vectors, classes, seed=seed))
    if seen.similarity is not None:
        rows, columns = np.triu_indices(len(classes), 1)
        known = ~np.isnan(seen.similarity[rows, columns])
        rows, columns = rows[known], columns[known]
        methods.threshold = best_threshold(seen.similarity[rows, columns], classes[rows] == classes[columns])
    if seen.pictures is not None:
        options = comparison.options.twin
        parts = [Pictures(seen.pictures[torch.as_tensor(held)], classes[held]) for held in (~validation, validation)]
        trained = train_twin(
            *parts, steps=steps, pictures=options.pictures, learning_rate=options.learning_rate, seed=seed,
            device=device, check_every=max(1, min(100, steps // 5)),
        )  # fmt: skip
        methods.twin = trained.network
    return methods

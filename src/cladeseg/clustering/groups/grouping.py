"""Weights of pairs → clusters with their medoids, confidences, and how far they may be from the best clustering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cladeseg.clustering.groups.confidence import object_confidence
from cladeseg.clustering.groups.stable_ids import stable_numbers
from cladeseg.clustering.multicut import Certificate, Multicut, Search, cluster, solve_exactly


@dataclass(frozen=True)
class GroupingOptions:
    """How clusters are looked for.

    Attributes:
        search: local search.
        exact_objects: objects up to which the best clustering is looked for.
        exact_seconds: time limit of that; its bound is reported also where it does not end.
        unsure_below: confidence below which an object's cluster is called unsure.
        resamples: clusterings of resampled pairs, for the confidence.
        seed: of the resamples.
    """

    search: Search = "kernighan_lin"
    exact_objects: int = 150
    exact_seconds: float = 20.0
    unsure_below: float = 0.5
    resamples: int = 20
    seed: int = 0


@dataclass(frozen=True)
class Grouping:
    """Clusters of n objects.

    Attributes:
        ids: of the objects.
        numbers: cluster of each, from 1; (n,).
        confidence: of each, in [0, 1]; (n,).
        unsure: whether it is too low to be relied on; bool (n,).
        medoids: cluster → index of the object most alike to the others in it.
        nearest: index of the medoid that each object is most alike to; (n,).
        weights: of the pairs; (n, n).
        certificate: energy and bound.
    """

    ids: Sequence[str]
    numbers: np.ndarray
    confidence: np.ndarray
    unsure: np.ndarray
    medoids: Mapping[int, int]
    nearest: np.ndarray
    weights: np.ndarray
    certificate: Certificate

    @property
    def probabilities(self) -> np.ndarray:
        """That two objects are of one kind, by the centred weights; 1 of an object and itself; float32 (n, n)."""
        found = (1 / (1 + np.exp(-np.clip(self.weights, -50, 50)))).astype(np.float32)
        np.fill_diagonal(found, 1.0)
        return found


def group(
    ids: Sequence[str],
    weights: np.ndarray,
    options: GroupingOptions | None = None,
    *,
    earlier: Mapping[str, int] | None = None,
) -> Grouping:
    """Cluster objects.

    Args:
        ids: n of them.
        weights: (n, n), above zero for pairs to be joined.
        options: how.
        earlier: id → cluster of an earlier result, whose numbers are kept.
    """
    options = options or GroupingOptions()
    weights = weights - np.diag(np.diag(weights))
    certificate = _certificate(weights, options)
    labels = certificate.labels
    confidence = object_confidence(weights, labels, resamples=options.resamples, seed=options.seed)
    numbers = stable_numbers(ids, labels, earlier or {})
    medoids = {int(number): _medoid(weights, np.flatnonzero(numbers == number)) for number in np.unique(numbers)}
    return Grouping(
        ids=list(ids),
        numbers=numbers,
        confidence=confidence,
        unsure=confidence < options.unsure_below,
        medoids=medoids,
        nearest=_nearest(weights, np.array(sorted(medoids.values()), dtype=int)),
        weights=weights,
        certificate=certificate,
    )


def _certificate(weights: np.ndarray, options: GroupingOptions) -> Certificate:
    problem = Multicut.from_matrix(weights)
    labels = cluster(problem, search=options.search, seed=options.seed)
    if problem.count > options.exact_objects or options.exact_seconds <= 0:
        return Certificate(labels, problem.energy(labels), problem.trivial_bound, 0.0)
    exact = solve_exactly(problem, seconds=options.exact_seconds)
    if exact.energy <= problem.energy(labels):
        return exact
    return Certificate(labels, problem.energy(labels), exact.bound, exact.seconds)


def _medoid(weights: np.ndarray, members: np.ndarray) -> int:
    return int(members[weights[np.ix_(members, members)].sum(axis=1).argmax()])


def _nearest(weights: np.ndarray, medoids: np.ndarray) -> np.ndarray:
    if not medoids.size:
        return np.empty(0, dtype=int)
    alike = weights[:, medoids].astype(float)
    alike[medoids, np.arange(medoids.size)] = np.inf  # a medoid is its own
    return medoids[alike.argmax(axis=1)]

"""What ``metrics.json`` holds: scores of the clusters, of each method, and of the baseline, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cladeseg.clustering.calibration import PairLogits
from cladeseg.clustering.groups import Grouping, GroupingOptions
from cladeseg.clustering.metrics import pair_auc, partition_scores, score_intervals, vi_gain
from cladeseg.clustering.model import CENTRED, RAW, ClusteringModel, Variant
from cladeseg.clustering.multicut import Multicut, cluster
from cladeseg.clustering.objects import ObjectSet
from cladeseg.clustering.workflow.results import solution_of
from cladeseg.cohort import fingerprint


def scores(
    model: ClusteringModel,
    logits: Mapping[str, PairLogits],
    grouping: Grouping,
    objects: ObjectSet,
    options: GroupingOptions,
) -> dict[str, Any]:
    """Scores of the clustering, and of each variant with its raw and its centred zero.

    Args:
        model: what was trained.
        logits: of each method, of n objects.
        grouping: by the chosen variant, centred.
        objects: n of them, all with a class.
        options: how clusters were looked for.
    """
    classes = objects.labels()
    cases = [{"case": one.id, "sha1": one.digest, "supervision": objects.classes[one.id]} for one in objects.objects]
    return {
        **partition_scores(grouping.numbers, classes),
        "pair_auc": pair_auc(grouping.weights, classes),
        "variant": model.chosen,
        "objects": len(objects),
        "unsure": int(grouping.unsure.sum()),
        "confidence_right": _mean_confidence(grouping, classes, right=True),
        "confidence_wrong": _mean_confidence(grouping, classes, right=False),
        **_beside_baseline(model, logits, grouping, objects, options),
        "variants": {
            name: {kind: _scores_of(model.weights(logits, name, kind), classes, options) for kind in (RAW, CENTRED)}
            for name in model.variants
        },
        "left_out": {name: _left_out(variant) for name, variant in model.variants.items()},
        "zero_source": model.zero_source,
        "unseen_classes": sorted(set(classes) - set(model.classes)),
        "fingerprint": fingerprint(cases),
        **solution_of(grouping),
    }


def _beside_baseline(
    model: ClusteringModel,
    logits: Mapping[str, PairLogits],
    grouping: Grouping,
    objects: ObjectSet,
    options: GroupingOptions,
) -> dict[str, Any]:
    """Intervals of the clustering and of the baseline, and of the difference; over the images that objects are from."""
    classes = objects.labels()
    groups = np.array([objects.sources.get(one, one) for one in objects.ids])
    weights = model.weights(logits, model.baseline)
    numbers = _clusters(weights, options)
    of = [(grouping.numbers, grouping.weights), (numbers, weights)]
    own, base = (
        score_intervals(found, classes, weights=pairs, groups=groups, seed=options.seed) for found, pairs in of
    )
    return {
        "intervals": own,
        "vi_gain": vi_gain(grouping.numbers, numbers, classes, groups=groups, seed=options.seed),
        model.baseline: {**partition_scores(numbers, classes), "pair_auc": base["pair_auc"]["mean"], "intervals": base},
    }


def _left_out(variant: Variant) -> dict[str, dict[str, float]]:
    """What each zero gave on the training classes that it was chosen on."""
    return {
        kind: {"vi_bits": one.vi_bits, "rand": one.rand, "batches": one.batches} for kind, one in variant.zeros.items()
    }


def _clusters(weights: np.ndarray, options: GroupingOptions) -> np.ndarray:
    return cluster(Multicut.from_matrix(weights), search=options.search, seed=options.seed)


def _scores_of(weights: np.ndarray, classes: np.ndarray, options: GroupingOptions) -> dict[str, Any]:
    return {**partition_scores(_clusters(weights, options), classes), "pair_auc": pair_auc(weights, classes)}


def _mean_confidence(grouping: Grouping, classes: np.ndarray, *, right: bool) -> float | None:
    """Mean confidence of objects that are, or are not, of their cluster's most frequent class."""
    frequent = {}
    for number in np.unique(grouping.numbers):
        names, counts = np.unique(classes[grouping.numbers == number], return_counts=True)
        frequent[number] = names[counts.argmax()]
    agrees = np.array([frequent[number] == one for number, one in zip(grouping.numbers, classes, strict=True)])
    held = grouping.confidence[agrees == right]
    return round(float(held.mean()), 3) if held.size else None

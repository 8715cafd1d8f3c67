"""Scores a trained model on labelled objects that it has not seen, beside the descriptor baseline."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.bundle import RunFolder
from cladeseg.bundle.run_folder import backup_existing, configure_logging
from cladeseg.clustering.groups import Grouping, GroupingOptions, group
from cladeseg.clustering.metrics import pair_auc, partition_scores, score_intervals
from cladeseg.clustering.model import CENTRED, RAW, ClusteringModel, Variant
from cladeseg.clustering.multicut import Multicut, cluster
from cladeseg.clustering.objects import ObjectSet
from cladeseg.clustering.pages import write_clusters_page
from cladeseg.clustering.workflow.plan import labelled
from cladeseg.clustering.workflow.results import CLUSTERS, PAIRS, solution_of, write_clusters, write_pairs
from cladeseg.clustering.workflow.trained import Trained
from cladeseg.cohort import fingerprint
from cladeseg.files import DataError, write_json

logger = logging.getLogger(__name__)

PAIR_STORE = "pqap_evaluation.npz"


def run_evaluation(
    trained: Trained,
    *,
    dataset_dir: str | Path,
    output_dir: str | Path,
    options: GroupingOptions,
    labels: str | Path | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Cluster the labelled objects that no training used, and score the clusters.

    Args:
        trained: the model.
        dataset_dir: folder of pictures or key-point tables.
        output_dir: gets ``clusters.csv``, ``pairs.npz`` and the page; ``eval/`` gets ``metrics.json``.
        options: how clusters are looked for.
        labels: table of classes; the data's if ``None``.
        device: of the twin network.

    Returns:
        What ``metrics.json`` holds.

    Raises:
        DataError: no labelled object is left that training did not use.
    """
    configure_logging()
    folder = RunFolder(output_dir)
    objects = _held_out(trained, trained.objects(dataset_dir, labels), dataset_dir)
    logits = trained.logits(objects, store=Path(output_dir) / PAIR_STORE, device=device)
    grouping = group(objects.ids, trained.model.weights(logits), options)
    found = scores(trained.model, logits, grouping, objects, options)
    output = Path(output_dir)
    write_clusters(grouping, output / CLUSTERS)
    write_pairs(grouping, output / PAIRS)
    backup_existing(folder.evaluation)
    write_json(found, folder.evaluation / "metrics.json")
    write_clusters_page(
        output, folder.evaluation, objects, grouping, trained.model, variant=trained.model.chosen, scores=found
    )
    logger.info(
        "%s: %d objects, %d classes in %d clusters; VI %.3f bits, Rand %.1f %%",
        folder.evaluation, len(objects), found["classes"], found["clusters"], found["vi_bits"], 100 * found["rand"],
    )  # fmt: skip
    return found


def _held_out(trained: Trained, objects: ObjectSet, dataset_dir: str | Path) -> ObjectSet:
    known = labelled(objects)
    fresh = trained.unseen(known)
    if not len(fresh):
        raise DataError(
            f"{dataset_dir}: training used each of its {len(known)} labelled objects; name another --dataset_dir, "
            "or train with settings#split#test above 0"
        )
    if len(fresh) < len(known):
        logger.info("%d of %d labelled objects are scored; training used the others", len(fresh), len(known))
    return fresh


def scores(
    model: ClusteringModel,
    logits: Mapping[str, np.ndarray],
    grouping: Grouping,
    objects: ObjectSet,
    options: GroupingOptions,
) -> dict[str, Any]:
    """Scores of the clustering, and of each variant with its raw and its centred zero.

    Args:
        model: what was trained.
        logits: of each method; (n, n).
        grouping: by the chosen variant, centred.
        objects: n of them, all with a class.
        options: how clusters were looked for.
    """
    classes = objects.labels()
    variants = {
        name: {kind: _scores_of(model.weights(logits, name, kind), classes, options) for kind in (RAW, CENTRED)}
        for name in model.variants
    }
    cases = [{"case": one.id, "sha1": one.digest, "supervision": objects.classes[one.id]} for one in objects.objects]
    return {
        **partition_scores(grouping.numbers, classes),
        "pair_auc": pair_auc(grouping.weights, classes),
        "variant": model.chosen,
        "objects": len(objects),
        "unsure": int(grouping.unsure.sum()),
        "confidence_right": _mean_confidence(grouping, classes, right=True),
        "confidence_wrong": _mean_confidence(grouping, classes, right=False),
        "intervals": score_intervals(grouping.numbers, classes, seed=options.seed),
        model.baseline: variants[model.baseline][CENTRED],
        "variants": variants,
        "left_out": {name: _left_out(variant) for name, variant in model.variants.items()},
        "zero_source": model.zero_source,
        "unseen_classes": sorted(set(classes) - set(model.classes)),
        "fingerprint": fingerprint(cases),
        **solution_of(grouping),
    }


def _left_out(variant: Variant) -> dict[str, dict[str, float]]:
    """What each zero gave on the training classes that it was chosen on."""
    return {
        kind: {"vi_bits": one.vi_bits, "rand": one.rand, "batches": one.batches} for kind, one in variant.zeros.items()
    }


def _scores_of(weights: np.ndarray, classes: np.ndarray, options: GroupingOptions) -> dict[str, Any]:
    numbers = cluster(Multicut.from_matrix(weights), search=options.search, seed=options.seed)
    return {**partition_scores(numbers, classes), "pair_auc": pair_auc(weights, classes)}


def _mean_confidence(grouping: Grouping, classes: np.ndarray, *, right: bool) -> float | None:
    """Mean confidence of objects that are, or are not, of their cluster's most frequent class."""
    frequent = {}
    for number in np.unique(grouping.numbers):
        names, counts = np.unique(classes[grouping.numbers == number], return_counts=True)
        frequent[number] = names[counts.argmax()]
    agrees = np.array([frequent[number] == one for number, one in zip(grouping.numbers, classes, strict=True)])
    held = grouping.confidence[agrees == right]
    return round(float(held.mean()), 3) if held.size else None

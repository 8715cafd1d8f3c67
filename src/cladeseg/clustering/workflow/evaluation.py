"""Scores a trained model on labelled objects that it has not seen, beside the descriptor baseline."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from cladeseg.bundle import RunFolder
from cladeseg.bundle.run_folder import backup_existing, configure_logging
from cladeseg.clustering.groups import GroupingOptions, group
from cladeseg.clustering.objects import ObjectSet
from cladeseg.clustering.pages import write_clusters_page
from cladeseg.clustering.workflow.plan import labelled
from cladeseg.clustering.workflow.results import CLUSTERS, PAIRS, write_clusters, write_pairs
from cladeseg.clustering.workflow.scores import scores
from cladeseg.clustering.workflow.trained import Trained
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

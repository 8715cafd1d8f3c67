"""Clusters the objects of a folder with a trained model."""

from __future__ import annotations

import logging
from pathlib import Path

from cladeseg.bundle.run_folder import configure_logging
from cladeseg.clustering.groups import Grouping, GroupingOptions, group
from cladeseg.clustering.pages import write_clusters_page
from cladeseg.clustering.workflow.results import (
    CLUSTERS,
    PAIRS,
    SUMMARY,
    read_numbers,
    write_clusters,
    write_pairs,
    write_summary,
)
from cladeseg.clustering.workflow.trained import Trained

logger = logging.getLogger(__name__)

PAIR_STORE = "pqap_inference.npz"


def run_inference(
    trained: Trained,
    *,
    dataset_dir: str | Path,
    output_dir: str | Path,
    options: GroupingOptions,
    variant: str | None = None,
    device: str = "auto",
) -> Grouping:
    """Cluster all objects of a folder; clusters that were found before keep their numbers.

    Args:
        trained: the model.
        dataset_dir: folder of pictures or key-point tables.
        output_dir: gets ``clusters.csv``, ``pairs.npz``, ``clusters.json``, ``contact_sheet.png`` and ``report.html``.
        options: how clusters are looked for.
        variant: methods to use, one of the model's; the one that training chose if ``None``.
        device: of the twin network.

    Raises:
        DataError: the data cannot be used; the message starts with the file.
    """
    configure_logging()
    output = Path(output_dir)
    objects = trained.objects(dataset_dir)
    earlier = read_numbers(output / CLUSTERS)
    logits = trained.logits(objects, store=output / PAIR_STORE, device=device)
    weights = trained.model.weights(logits, variant)
    grouping = group(objects.ids, weights, options, earlier=earlier)
    write_clusters(grouping, output / CLUSTERS)
    write_pairs(grouping, output / PAIRS)
    used = variant or trained.model.chosen
    write_summary(grouping, output / SUMMARY, {"variant": used, "zero_source": trained.model.zero_source})
    write_clusters_page(output, output, objects, grouping, trained.model, variant=used)
    logger.info(
        "%s: %d objects in %d clusters, %d unsure",
        output / CLUSTERS, len(objects), len(grouping.medoids), int(grouping.unsure.sum()),
    )  # fmt: skip
    return grouping

"""What the bundle's three commands do: training, evaluating, inference."""

from __future__ import annotations

import csv
import logging
import time
from pathlib import Path
from typing import Any

import pandas as pd

from cladeseg.bundle.run_folder import RunFolder, add_use, backup_existing, configure_logging, start_run, unlock_run
from cladeseg.classes import FIRST_CLASS, leaf_columns, node_names
from cladeseg.files import DataError, atomic_write
from cladeseg.omics.data import OmicsCohort, draw_labels, hide_below, open_or_draw, read_dataset
from cladeseg.omics.model import OmicsFit, OmicsModel, top_features
from cladeseg.omics.workflow.matching import matched_values
from cladeseg.omics.workflow.plan import OmicsPlan
from cladeseg.omics.workflow.predictions_table import predictions_frame, write_predictions
from cladeseg.omics.workflow.stored_run import load_run, store_run

logger = logging.getLogger(__name__)
PREDICTIONS, TOP_FEATURES = "predictions.csv", "top_features.csv"


def run_training(plan: OmicsPlan) -> None:
    """Draw labels, fit the model, store it; see ``datalist.json``, ``history.csv`` and ``models/`` in the run's folder.

    Raises:
        DataError: the data cannot be used, or the folder holds a training already.
    """
    folder, settings = plan.run_folder, plan.settings
    if folder.description.is_file():
        raise DataError(f"{folder.description}: this folder already holds a training; choose another --output_dir")
    cohort = plan.cohort
    start_run(folder, settings, taxonomy=cohort.tree)
    begin = time.monotonic()
    try:
        drawn = draw_labels(
            cohort,
            test=settings.data.test,
            label_share=settings.label_share,
            coarse_share=settings.coarse_share,
            seed=settings.seed,
            draw=settings.draw,
        )
        part = hide_below(cohort, open_or_draw(folder.datalist, drawn))
        logger.info("training on %d patients, %d of them labelled", len(part.patients), len(drawn.shown))
        fit = OmicsFit(part.values, leaf_columns(cohort.tree)[part.labels], settings.options())
        model = fit.run()
        _write_history(fit.history, folder.history)
        made = settings.model_dump(mode="json")
        write_predictions(speaking_features(fit, model, part), Path(folder.root) / TOP_FEATURES)
        store_run(folder, model, part, dataset_dir=plan.dataset_dir, settings=made)
        add_use(folder, time.monotonic() - begin)
    finally:
        unlock_run(folder)


def run_inference(
    *, dataset_dir: str | Path, output_dir: str | Path, overwrite: bool = False, allow_missing: bool = True
) -> None:
    """Predict every patient of the data into ``R/predictions.csv``.

    Args:
        dataset_dir: tables of new patients; labels, if there are some, are not looked at.
        output_dir: the run's folder R.
        overwrite: replace earlier predictions; otherwise they are kept aside.
        allow_missing: take gaps.

    Raises:
        DataError: the run was not trained, or the data do not fit it.
    """
    configure_logging()
    folder = RunFolder(output_dir)
    run = load_run(folder)
    cohort = read_dataset(dataset_dir, run.tree, allow_missing=allow_missing)
    found = run.model.predict(matched_values(cohort, run.features, allow_missing=allow_missing))
    path = Path(output_dir) / PREDICTIONS
    if not overwrite:
        backup_existing(path)
    write_predictions(predictions_frame(cohort.patients, found, run.tree, run.model.omics), path)
    logger.info("%s: %d patients, %d of them uncertain", path, len(cohort.patients), int(found.uncertain.sum()))


def speaking_features(fit: OmicsFit, model: OmicsModel, part: OmicsCohort) -> pd.DataFrame:
    """See :func:`~cladeseg.omics.model.top_features`; of the training patients, beside fits that lack a fold each."""
    tree = part.tree
    members = leaf_columns(tree)[FIRST_CLASS : tree.root]
    return top_features(model, part.values, members, node_names(tree), part.features, others=fit.fold_models())


def _write_history(history: list[dict[str, Any]], path: Path) -> None:
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(history[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)

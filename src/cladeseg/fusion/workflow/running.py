"""What the bundle's commands training and inference do."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from cladeseg.bundle.run_folder import RunFolder, add_use, backup_existing, configure_logging, start_run, unlock_run
from cladeseg.files import DataError
from cladeseg.fusion.data import FusionCohort, read_fusion_dataset
from cladeseg.fusion.fitting import fit_fusion
from cladeseg.fusion.genes import read_pathways
from cladeseg.fusion.workflow.cross_validation import cross_validate
from cladeseg.fusion.workflow.explaining import explain_patients
from cladeseg.fusion.workflow.folds import draw_folds, store_folds
from cladeseg.fusion.workflow.plan import FusionPlan, feature_folder
from cladeseg.fusion.workflow.predictions_table import predictions_frame, write_predictions
from cladeseg.fusion.workflow.stored_run import StoredRun, load_run, store_run

logger = logging.getLogger(__name__)
PREDICTIONS, TESTED, EXPLANATIONS = "predictions.csv", "tested.csv", "explanations"


def run_training(plan: FusionPlan) -> None:
    """Predict each fold by a model of the others, then fit and store one model of all patients.

    Writes ``datalist.json`` (test folds), ``tested.csv`` (predictions of the folds) and ``models/``.

    Raises:
        DataError: the data cannot be used, or the folder holds a training already.
    """
    folder, settings = plan.run_folder, plan.settings
    if folder.description.is_file():
        raise DataError(f"{folder.description}: this folder already holds a training; choose another --output_dir")
    if settings.genes.pathways is not None:
        read_pathways(settings.genes.pathways)  # a fault in it is said before images are read
    cohort = plan.cohort
    folds = draw_folds(cohort, settings)
    start_run(folder, settings, taxonomy=cohort.tree)
    begin = time.monotonic()
    try:
        store_folds(folder.datalist, folds, settings)
        tested, _ = cross_validate(cohort, folds, settings.fit())
        write_predictions(tested, Path(folder.root) / TESTED)
        store_run(folder, fit_fusion(cohort, settings.fit()), cohort.tree, settings)
        add_use(folder, time.monotonic() - begin)
    finally:
        unlock_run(folder)


def run_inference(
    *,
    dataset_dir: str | Path,
    output_dir: str | Path,
    cache_dir: str | Path | None = None,
    overwrite: bool = False,
    allow_missing: bool = True,
    explain: int = 0,
) -> None:
    """Predict every patient of the data into ``R/predictions.csv``.

    Args:
        dataset_dir: images or expression of new patients, or both; labels are not looked at.
        output_dir: the run's folder R.
        cache_dir: where features of tiles are kept; in R where it is not given.
        overwrite: replace earlier predictions; otherwise they are kept aside.
        allow_missing: take gaps in expression, and tables that lack genes; these count as average.
        explain: patients with images, in the order of their names, whose tiles and genes are drawn.

    Raises:
        DataError: the run was not trained, or the data do not fit it.
    """
    configure_logging()
    folder = RunFolder(output_dir)
    run = load_run(folder)
    cohort = read_fusion_dataset(
        dataset_dir,
        run.tree,
        images=run.settings.images,
        cache_dir=feature_folder(cache_dir, output_dir),
        allow_missing=allow_missing,
        allow_constant=True,
    )
    check_genes(run, cohort, allow_missing=allow_missing)
    found = run.model.predict(cohort)
    p = found.log_p.exp().double().numpy()
    path = Path(output_dir) / PREDICTIONS
    if not overwrite:
        backup_existing(path)
    write_predictions(predictions_frame(cohort.patients, p, found.modalities.numpy(), run.tree), path)
    logger.info("%s: %d patients", path, len(cohort.patients))
    shown = [name for name in cohort.patients if name in cohort.bags][:explain]
    explain_patients(run, cohort, shown, Path(dataset_dir), Path(output_dir) / EXPLANATIONS)


def check_genes(run: StoredRun, cohort: FusionCohort, *, allow_missing: bool) -> None:
    """Say how many genes of the model are missing, and how many of the table are not used.

    Raises:
        DataError: genes are missing and that is not allowed, or all are.
    """
    if not cohort.has_expression.any() or not run.model.scaling.genes:
        return
    missing, wanted = run.model.scaling.missing_genes(cohort), len(run.model.scaling.genes)
    if missing and (not allow_missing or len(missing) == wanted):
        raise DataError(
            f"expression: lacks {len(missing)} of the {wanted} genes that the model takes, e.g. '{missing[0]}'; "
            "add them under these names" + ("" if len(missing) == wanted else ", or pass --allow_missing True")
        )
    surplus = len(cohort.genes) - (wanted - len(missing))
    if missing or surplus:
        logger.warning("expression: %d genes are missing and count as average, %d are not used", len(missing), surplus)

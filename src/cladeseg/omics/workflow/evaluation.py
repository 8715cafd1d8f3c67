"""Scores of a run on patients that it has not seen, with every baseline beside it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cladeseg.bundle.provenance import made_by
from cladeseg.bundle.run_folder import backup_existing, configure_logging
from cladeseg.classes import FIRST_CLASS, class_names, leaf_columns
from cladeseg.files import DataError, check_choice, write_json
from cladeseg.omics.baselines import BASELINES, TrainingRows, run_baseline
from cladeseg.omics.data import OmicsCohort, hide_below, read_dataset
from cladeseg.omics.data.draw import LabelDraw, read_draw
from cladeseg.omics.model import Predictions
from cladeseg.omics.pages import embedded, write_omics_page
from cladeseg.omics.workflow.matching import matched_values
from cladeseg.omics.workflow.plan import OmicsPlan
from cladeseg.omics.workflow.predictions_table import predictions_frame, write_predictions
from cladeseg.omics.workflow.running import PREDICTIONS, TOP_FEATURES
from cladeseg.omics.workflow.stored_run import StoredRun, load_run
from cladeseg.statistics import class_reliability, class_scores
from cladeseg.taxonomy import Taxonomy

logger = logging.getLogger(__name__)

SPLITS = ("test", "training", "all")


def run_evaluation(plan: OmicsPlan, *, split: str = "test", baselines: Sequence[str] | str = "all") -> None:
    """Write ``R/predictions.csv``, ``R/eval/metrics.json`` and the page.

    Args:
        plan: names the data and the run's folder.
        split: ``"test"`` or ``"training"`` of the run's stored split, or ``"all"`` labelled patients of the data, which
            the run may never have seen.
        baselines: names, or ``"all"``; trained on what the run was trained on.

    Raises:
        DataError: the run was not trained, or the data do not fit it.
    """
    configure_logging()
    check_choice("split", split, SPLITS)
    folder = plan.run_folder
    run, drawn = load_run(folder), read_draw(folder.datalist)
    allow = plan.settings.data.allow_missing or run.settings["data"]["allow_missing"]
    cohort = scored_part(read_dataset(plan.dataset_dir, run.tree, allow_missing=allow, need_labels=True), drawn, split)
    values = matched_values(cohort, run.features, allow_missing=allow)
    found = run.model.predict(values)
    scored = is_class(cohort.labels, run.tree)
    classes = cohort.labels[scored] - FIRST_CLASS
    summary = our_scores(found, scored, classes, run)
    summary |= {"split": split, "classes": list(class_names(run.tree)), "held_out": held_out(cohort, drawn, scored)}
    names = BASELINES if baselines == "all" else tuple(baselines)
    summary["baselines"] = baseline_scores(run, drawn, {n: x[scored] for n, x in values.items()}, classes, names)
    write_predictions(
        predictions_frame(cohort.patients, found, run.tree, run.model.omics), folder.evaluation.parent / PREDICTIONS
    )
    backup_existing(folder.evaluation)
    write_json({**summary, **made_by()}, folder.evaluation / "metrics.json")
    labels = [class_names(run.tree)[c] for c in classes]
    points = embedded(run.model.joined_scores({n: x[scored] for n, x in values.items()}), labels)
    speaking = pd.read_csv(Path(folder.root) / TOP_FEATURES)
    write_omics_page(folder.evaluation / "report.html", summary, run.tree, found, features=speaking, embedding=points)
    logger.info("macro-F1 %.3f, accuracy %.3f, ECE %.3f", *(summary[name] for name in ("macro_f1", "accuracy", "ece")))


def is_class(labels: np.ndarray, tree: Taxonomy) -> np.ndarray:
    """Bool (N,): whose class, not only a superclass, is known."""
    return (labels >= FIRST_CLASS) & (labels < tree.num_leaves)


def scored_part(cohort: OmicsCohort, drawn: LabelDraw, split: str) -> OmicsCohort:
    """The patients of a part.

    Raises:
        DataError: the data lack patients of the run's split.
    """
    if split == "all":
        return cohort
    wanted = drawn.test if split == "test" else drawn.training
    missing = sorted(set(wanted) - set(cohort.patients))
    if missing:
        raise DataError(
            f"{len(missing)} {split} patients of this run, e.g. '{missing[0]}', are not in these data; "
            "give the data that it was trained on, or --split all"
        )
    return cohort.take(cohort.rows(wanted))


def held_out(cohort: OmicsCohort, drawn: LabelDraw, scored: np.ndarray) -> dict[str, int]:
    """How many of the scored patients the training saw, with and without their label."""
    patients = [patient for patient, one in zip(cohort.patients, scored, strict=True) if one]
    seen = [patient for patient in patients if patient in set(drawn.training)]
    return {"scored": len(patients), "seen": len(seen), "labelled": sum(patient in drawn.shown for patient in seen)}


def our_scores(found: Predictions, scored: np.ndarray, classes: np.ndarray, run: StoredRun) -> dict[str, Any]:
    """Scores of the fused prediction and of each omics' own head, and what the reliability plot shows."""
    p = np.exp(found.log_p)[scored]
    given = ~np.isnan(p).any(axis=1)
    heads = {
        name: class_scores(np.exp(found.of_omics[scored, i]), classes)
        for i, name in enumerate(run.model.omics)
        if not np.isnan(found.of_omics[scored, i]).all()
    }
    sure = given.copy()
    sure[given] = ~found.uncertain[scored][given]
    certain = {
        "share": float(sure.mean()),
        "accuracy": float((p[sure].argmax(axis=1) == classes[sure]).mean()) if sure.any() else None,
    }
    scores = class_scores(p, classes)
    return {
        **scores,
        "heads": heads,
        "reliability": class_reliability(p, classes),
        "certain": certain,
        "taught": _taught(found, run),
    }


def _taught(found: Predictions, run: StoredRun) -> dict[str, dict[str, float]]:
    """Mean weight by teacher and pupil."""
    mean = found.taught.mean(axis=0) if len(found.taught) else np.zeros((len(run.model.omics),) * 2)
    names = run.model.omics
    return {a: {b: float(mean[i, j]) for j, b in enumerate(names) if i != j} for i, a in enumerate(names)}


def baseline_scores(
    run: StoredRun,
    drawn: LabelDraw,
    test: dict[str, np.ndarray],
    classes: np.ndarray,
    names: Sequence[str],
) -> dict[str, Any]:
    """Scores of baselines that are trained on the run's own training patients and labels.

    Raises:
        DataError: the data of the training are not where they were.
    """
    if not names:
        return {}
    allow = run.settings["data"]["allow_missing"]
    try:
        whole = read_dataset(run.dataset_dir, run.tree, allow_missing=allow)
    except DataError as error:
        raise DataError(
            f"{run.dataset_dir}: the training data are needed for the baselines ({error}); --baselines []"
        ) from error
    part = hide_below(whole, drawn)
    labels = np.where(is_class(part.labels, run.tree), part.labels - FIRST_CLASS, -1)
    rows = TrainingRows(
        matched_values(part, run.features, allow_missing=allow), labels, leaf_columns(run.tree).shape[1]
    )
    seed = int(run.settings["seed"])
    return {name: class_scores(run_baseline(name, rows, test, seed=seed), classes) for name in names}

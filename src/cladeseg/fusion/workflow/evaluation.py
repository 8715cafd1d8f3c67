"""Scores of a cross-validation, with one modality alone and simpler fusions beside it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cladeseg.bundle.provenance import made_by
from cladeseg.bundle.run_folder import backup_existing, configure_logging
from cladeseg.classes import class_names
from cladeseg.files import DataError, write_json
from cladeseg.fusion.baselines import ATTENTION, GENE_ROWS, IMAGE_ROWS, chosen_baselines, method_probabilities
from cladeseg.fusion.data import FusionCohort
from cladeseg.fusion.fitting import LINEAR, FitSettings, FusionModel, fit_fusion
from cladeseg.fusion.pages import ExplainedPatient, write_fusion_page
from cladeseg.fusion.workflow.cross_validation import split_folds
from cladeseg.fusion.workflow.explaining import explain_patients
from cladeseg.fusion.workflow.folds import read_folds
from cladeseg.fusion.workflow.plan import FusionPlan
from cladeseg.fusion.workflow.predictions_table import read_predictions, write_predictions
from cladeseg.fusion.workflow.running import EXPLANATIONS, PREDICTIONS, TESTED
from cladeseg.fusion.workflow.stored_run import load_run
from cladeseg.statistics import FoldBootstrap, class_reliability

logger = logging.getLogger(__name__)


def run_evaluation(plan: FusionPlan, *, baselines: Sequence[str] | str = "all", explain: int = 3) -> None:
    """Write ``R/predictions.csv``, ``R/eval/metrics.json``, the page and explanations of some patients.

    Args:
        plan: names the data and the run's folder.
        baselines: names, or ``"all"``; trained on each fold's own training patients.
        explain: patients whose tiles and genes are drawn, each of another class as long as there are some.

    Raises:
        DataError: the run was not trained, or the data lack its patients.
    """
    configure_logging()
    folder = plan.run_folder
    run, folds = load_run(folder), read_folds(folder.datalist)
    tested = read_predictions(Path(folder.root) / TESTED, run.tree)
    cohort = plan.cohort
    _refuse_others(cohort, folds, plan.dataset_dir)
    names = chosen_baselines(baselines, cohort)
    rows = baseline_probabilities(cohort, folds, run.settings.fit(), names)
    patients = [name for name in cohort.patients if name in folds]
    ours = tested.loc[patients, [f"p_{name}" for name in class_names(run.tree)]].to_numpy(float)
    part = cohort.take(cohort.rows(patients))
    summary = score_summary(ours, rows, part.classes, [folds[name] for name in patients])
    summary |= {"patients": len(patients), "classes": list(class_names(run.tree)), "cohort": cohort.counts()}
    summary |= {"weights": _mean_weights(tested), "reliability": class_reliability(ours, part.classes)}
    write_predictions(tested.reset_index(), Path(folder.root) / PREDICTIONS)
    backup_existing(folder.evaluation)
    write_json({**summary, **made_by()}, folder.evaluation / "metrics.json")
    shown = _one_of_each_class(part, explain)
    explained = explain_patients(run, cohort, shown, plan.dataset_dir, folder.evaluation / EXPLANATIONS)
    found = run.model.predict(part)
    write_fusion_page(
        folder.evaluation / "report.html",
        summary,
        run.tree,
        groups=dict(zip(run.model.scaling.groups, np.nanmean(found.network.groups.numpy(), axis=0), strict=True)),
        explained=[ExplainedPatient(**vars(one)) for one in explained],
    )
    logger.info(", ".join(f"{name} {one['mean']:.3f}" for name, one in summary["mean"].items()))


def _refuse_others(cohort: FusionCohort, folds: Mapping[str, int], dataset_dir: Path) -> None:
    missing = sorted(set(folds) - set(cohort.patients))
    if missing:
        raise DataError(
            f"{dataset_dir}: lacks {len(missing)} patients of this run's folds, e.g. '{missing[0]}'; "
            "give the data that it was trained on"
        )


def baseline_probabilities(
    cohort: FusionCohort, folds: Mapping[str, int], settings: FitSettings, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Method → (N, C) of the folds' patients in the cohort's order, each predicted by a training without them."""
    frames: dict[str, list[pd.DataFrame]] = {name: [] for name in names}
    for number, training, test in split_folds(cohort, folds) if names else ():
        logger.info("fold %d: %d baselines", number, len(names))
        shared = _shared_model(training, settings, names)
        for name in names:
            p = method_probabilities(name, training, test, settings, ours=shared)
            frames[name].append(pd.DataFrame(p, index=list(test.patients)))
    patients = [name for name in cohort.patients if name in folds]
    return {name: pd.concat(parts).loc[patients].to_numpy() for name, parts in frames.items()}


def _shared_model(training: FusionCohort, settings: FitSettings, names: Sequence[str]) -> FusionModel | None:
    """Ours, as the rows that take something of it need it."""
    return fit_fusion(training, settings) if {*LINEAR, ATTENTION} & set(names) else None


def score_summary(
    ours: np.ndarray, rows: Mapping[str, np.ndarray], classes: np.ndarray, folds: Sequence[int]
) -> dict[str, Any]:
    """Scores of ours and of every row, each row with ours minus it, and what the images add.

    Args:
        ours: (N, C) probabilities.
        rows: method → the same.
        classes: int (N,) that are true.
        folds: (N,) in which each patient was tested.
    """
    bootstrap = FoldBootstrap(list(folds))
    baselines = {
        name: {**bootstrap.scores(p, classes), "fusion_minus_this": bootstrap.differences(ours, p, classes)}
        for name, p in rows.items()
    }
    summary: dict[str, Any] = {**bootstrap.scores(ours, classes), "baselines": baselines}
    for key, names in (("gene_only", GENE_ROWS), ("image_only", IMAGE_ROWS)):
        summary[key] = {name: baselines[name]["mean"] for name in names if name in baselines}
    summary["statement"] = _statement(baselines)
    return summary


def _statement(baselines: Mapping[str, Any]) -> str:
    """What fusion is worth beside the better single modality, in words."""
    single = [name for name in (*GENE_ROWS, *IMAGE_ROWS) if name in baselines]
    if not single:
        return "No single modality was scored; fusion has nothing to be compared with."
    best = max(single, key=lambda name: baselines[name]["mean"]["f1"]["mean"])
    difference = baselines[best]["fusion_minus_this"]["f1"]
    low, high = difference["ci95"]
    shown = f"F1 {difference['mean']:+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−")
    if low > 0:
        return f"Fusion is better than the best single modality, {best}: {shown}."
    if high < 0:
        return f"Fusion is worse than the best single modality, {best}: {shown}; use that instead."
    other = "the images add" if best in GENE_ROWS else "expression adds"
    return f"Beside {best} alone, {other} nothing that these patients could show: {shown}."


def _mean_weights(tested: pd.DataFrame) -> dict[str, float]:
    columns = [name for name in tested if name.startswith("weight_")]
    return {name.removeprefix("weight_"): float(tested[name].mean()) for name in columns}


def _one_of_each_class(cohort: FusionCohort, count: int) -> list[str]:
    """Patients with images, the classes taking turns."""
    turns: list[tuple[int, int, str]] = []
    seen: dict[int, int] = {}
    for name, one in zip(cohort.patients, cohort.classes.tolist(), strict=True):
        if name in cohort.bags:
            turns.append((seen.get(one, 0), one, name))
            seen[one] = seen.get(one, 0) + 1
    return [name for _, _, name in sorted(turns)[:count]]

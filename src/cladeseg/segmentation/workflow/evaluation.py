"""What the evaluation command of every bundle does: choose the cases, score them, write and show the result."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from cladeseg.bundle.provenance import made_by, peak_memory_mb
from cladeseg.bundle.run_folder import configure_logging
from cladeseg.bundle.weights_record import sha256_of
from cladeseg.files import DataError, remove_leftovers
from cladeseg.report import metrics_table
from cladeseg.segmentation.data import (
    Inspection,
    absolute_paths,
    cases_of,
    inspect_cases,
    load_datalist,
    raise_if_fatal,
    refuse_changed_files,
    resolve_layout,
    scan,
)
from cladeseg.segmentation.engines import Evaluation
from cladeseg.segmentation.metrics import summarise, write_csv, write_json
from cladeseg.segmentation.pages import record_evaluation, write_evaluation_page
from cladeseg.segmentation.workflow.evaluation_work import EvaluationWork
from cladeseg.segmentation.workflow.held_out import check_held_out
from cladeseg.segmentation.workflow.plan import TrainingPlan
from cladeseg.segmentation.workflow.prediction import BundlePredictor, load_predictor
from cladeseg.segmentation.workflow.promotion import SPLIT_FILE
from cladeseg.segmentation.workflow.scored_cases import begin_evaluation, scored_cases
from cladeseg.segmentation.workflow.trained import find_weights
from cladeseg.segmentation.workflow.training_facts import training_facts
from cladeseg.segmentation.workflow.training_fit import TrainedLabeller, training_fit
from cladeseg.tasks import Machines
from cladeseg.taxonomy import FINE

logger = logging.getLogger(__name__)

SPLITS = ("test", "validation", "all")


def evaluation_predictor(
    plan: TrainingPlan,
    *,
    weights: str | Path | None = None,
    modalities: str | Sequence[str] | None = None,
    keep_largest: str | Sequence[str] | None = None,
    device: str | torch.device = "auto",
) -> BundlePredictor:
    """The bundle's predictor with a run's weights, whose masks are written as the labels are.

    Args:
        plan: of the training.
        weights: a file; the run's own, else the bundle's, if ``None``.
        modalities: the ones that are looked at; all if ``None``.
        keep_largest: superclasses of which only the largest component is kept; what is stored with the weights if
            ``None``.
        device: where to predict.

    Raises:
        DataError: there are no weights, or they are not those that were recorded.
    """
    return load_predictor(
        plan.bundle_root,
        weights=find_weights(plan.output_dir, plan.bundle_root, weights),
        label_convention=plan.label_convention,
        modalities=modalities,
        keep_largest=keep_largest,
        device=device,
    )


def run_evaluation(
    *,
    predictor: TrainedLabeller,
    plan: TrainingPlan,
    split: str = "test",
    tolerance_mm: float = 2.0,
    lesion_wise: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    slurm: str | Path | None = None,
) -> dict[str, Any]:
    """Score a part of the data on its original grid; results go to ``R/eval``, earlier ones are kept aside.

    An evaluation that was interrupted goes on where it stopped.  Where the run folder holds no split, the one of the
    weights that the bundle came with is used.

    Args:
        predictor: of the bundle, or of another method that was trained on the run's split.
        plan: of the training; its run folder holds the stored split and gets the results.
        split: ``"test"`` or ``"validation"`` of the stored split, or ``"all"`` cases of the data.
        tolerance_mm: of the normalised surface distance.
        lesion_wise: also score each lesion by itself, as BraTS 2023 does.
        workers: see :class:`~cladeseg.tasks.Machines`, as are the following.
        scheduler: address of a running Dask scheduler.
        slurm: file with options for jobs of SLURM.

    Returns:
        The summary that is also in ``metrics.json``; with ``fine_training``, the scores on a few of the weights' own
        fine training cases, where these are known.

    Raises:
        DataError: a case cannot be used, or is not the one that the split was made of, or was trained on although the
            part should be held out; the message names it.
    """
    configure_logging()
    begin = time.perf_counter()
    _check_tolerance(tolerance_mm)
    machines = Machines(workers=workers, scheduler=scheduler, slurm=None if slurm is None else Path(slurm))
    run_folder, taxonomy, label_convention = plan.run_folder, plan.taxonomy, plan.label_convention
    shipped = plan.bundle_root / "models" / SPLIT_FILE
    stored = next((path for path in (run_folder.datalist, shipped) if path.is_file()), run_folder.datalist)
    data = plan.settings.data
    cases = evaluation_cases(split, stored, plan.dataset_dir, data.layout, channels=data.channels)
    found = inspect_cases(cases, plan.dataset_dir, taxonomy, label_convention, progress=True)
    raise_if_fatal(found)
    refuse_changed_files(cases, found, plan.dataset_dir)
    held_out = check_held_out(predictor.weights, found, split)
    remove_leftovers(run_folder.root)
    options: dict[str, Any] = {"tolerance_mm": tolerance_mm, "lesion_wise": lesion_wise}
    folder = run_folder.evaluation
    begin_evaluation(folder, {"split": split, **options, **_decides(predictor, found)})
    work = EvaluationWork(predictor, folder.absolute(), taxonomy, label_convention, **options)
    result, entries = scored_cases(work, cases, machines)
    fit = {} if split == "all" else training_fit(predictor, plan.dataset_dir, taxonomy, label_convention)
    facts = {"held_out": held_out, "split": split, "seconds": time.perf_counter() - begin}
    facts |= _page_facts(plan, predictor.weights, found)
    record_evaluation(folder, taxonomy, entries, records=result.records, patients=result.patients, facts=facts)
    summary = _store(result, plan, tolerance_mm, fit)
    page = write_evaluation_page(run_folder)
    title = f"{split}: {summary['cases']} cases of {summary['patients']} patients"
    Console(width=120).print(metrics_table(summary, title=title, taxonomy=taxonomy))
    if fit:
        logger.info("mean leaf Dice on %d of its own fine training cases: %.3f", fit["cases"], fit["dice"] or 0.0)
    logger.info("scores are in %s", run_folder.evaluation)
    logger.info("page: %s", page)
    return summary


def _decides(predictor: TrainedLabeller, found: Sequence[Inspection]) -> dict[str, Any]:
    """What decides the masks and what they are compared with, besides the options."""
    options = predictor.options() if isinstance(predictor, BundlePredictor) else {}
    cases = [[case.case, case.sha1, case.label_sha1] for case in found]
    return {"weights": sha256_of(predictor.weights), "predictor": options, "cases": cases}


def _check_tolerance(tolerance_mm: float) -> None:
    if isinstance(tolerance_mm, bool) or not isinstance(tolerance_mm, int | float) or not 0 <= tolerance_mm < math.inf:
        raise DataError(f"nsd_tolerance_mm: {tolerance_mm!r} does not fit; expected a number of mm ≥ 0")


def evaluation_cases(
    split: str, stored: Path, dataset_dir: str | Path, layout: str, *, channels: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Cases of a part, with absolute paths and labels down to the leaves.

    Args:
        split: name of the part, or ``"all"``.
        stored: file of the stored split.
        dataset_dir: the folder of cases.
        layout: its layout, for ``"all"``.
        channels: names of the network's channels, for ``"all"``.

    Raises:
        DataError: unknown part, no stored split, or no case in it.
    """
    if split not in SPLITS:
        raise DataError(f"split: '{split}' is unknown; known are {', '.join(SPLITS)}")
    if split == "all":
        return _all_cases(dataset_dir, layout, channels)
    if not stored.is_file():
        raise DataError(f"{stored}: there is no stored split; train first, or use --split all")
    cases = [{**case, "supervision": FINE} for case in cases_of(load_datalist(stored), split, dataset_dir)]
    if not cases:
        raise DataError(f"{stored}: its part '{split}' is empty; use --split all, or train with another split")
    return cases


def _all_cases(dataset_dir: str | Path, layout: str, channels: Sequence[str]) -> list[dict[str, Any]]:
    found = scan(dataset_dir, resolve_layout(dataset_dir, layout), channels=channels)
    cases = [absolute_paths(case, dataset_dir) for case in found]
    unlabelled = [case["case"] for case in cases if "label" not in case]
    if unlabelled:
        logger.warning("%d cases have no label and are not scored: %s", len(unlabelled), ", ".join(unlabelled[:5]))
    return [{**case, "supervision": FINE} for case in cases if "label" in case]


def _store(result: Evaluation, plan: TrainingPlan, tolerance_mm: float, fit: Mapping[str, Any]) -> dict[str, Any]:
    folder = plan.run_folder.evaluation
    summary = summarise(
        result.records,
        plan.taxonomy,
        patients=result.patients,
        nesting_violations=result.nesting_violations,
        tolerance_mm=tolerance_mm,
        hierarchy_records=result.hierarchy,
        seed=plan.settings.seed,
    )
    summary |= {"fine_training": dict(fit)} if fit else {}
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(result.records, folder / "metrics.csv")
    write_json(summary, folder / "metrics.json")
    return summary


def _page_facts(plan: TrainingPlan, weights: Path, found: Sequence[Inspection]) -> dict[str, Any]:
    """What the head of the page says, besides what was measured."""
    warnings = [str(one) for case in found for one in case.findings if one.severity != "info"]
    return {
        "dataset": str(plan.dataset_dir),
        "weights": str(weights),
        "seed": plan.settings.seed,
        "warnings": warnings,
        **training_facts(weights),
        **made_by(),
        "peak_memory_mb": peak_memory_mb(),
    }

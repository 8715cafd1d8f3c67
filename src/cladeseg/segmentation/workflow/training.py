"""What the training command of every bundle does around the trainer."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.bundle.ranks import check_joined, leave_ranks, ranks, wait_for_all
from cladeseg.bundle.run_folder import add_use, unlock_run
from cladeseg.bundle.shipped import copy_advice, is_shipped
from cladeseg.bundle.trained_tree import check_tree
from cladeseg.bundle.weights_record import DESCRIPTION, check_weights
from cladeseg.cohort import fingerprint
from cladeseg.files import read_json
from cladeseg.segmentation.data import CachedDataset
from cladeseg.segmentation.engines import NodeDice, open_training, pretrained_images
from cladeseg.segmentation.workflow.case_store import case_store
from cladeseg.segmentation.workflow.plan import TrainingPlan
from cladeseg.segmentation.workflow.promotion import promote as promote_model
from cladeseg.segmentation.workflow.propagation import with_propagated_labels
from cladeseg.segmentation.workflow.settings import FREE_ON_RESUME
from cladeseg.segmentation.workflow.trained import store_weights
from cladeseg.segmentation.workflow.two_passes import training_patch, with_overview
from cladeseg.segmentation.workflow.workflow import TrainingWorkflow
from cladeseg.taxonomy import Taxonomy

logger = logging.getLogger(__name__)

Load = Callable[[dict[str, Any]], dict[str, Any]]


def start_training(plan: TrainingPlan) -> None:
    """Open the run's folder, or refuse it; see :func:`~cladeseg.bundle.run_folder.start_run`.

    Raises:
        DataError: the folder holds a training that is not to be resumed, or was trained with other settings or on
            another tree, or what is to be resumed is damaged; or this is one of several processes that nothing joins.
    """
    check_joined()
    if ranks().first:
        open_training(plan.run_folder, plan.settings, plan.taxonomy, resume=plan.resume, free=FREE_ON_RESUME)
        if ranks().count > 1:  # the others read the split that the first one stores
            logger.info("training on %d processes: %d cases", ranks().count, len(plan.datalist["training"]))
    wait_for_all()


def training_dataset(plan: TrainingPlan, data: Sequence[Mapping[str, Any]]) -> CachedDataset:
    """Cached training cases that give random patches, with propagated labels if the settings ask for them.

    With two passes a sample has a patch for each.

    Args:
        plan: the training.
        data: its cases; MONAI Label hands over its own.

    Raises:
        DataError: a case cannot be loaded.
    """
    s = plan.settings
    record = plan.run_folder.propagation / "intensity.json" if ranks().first else None
    load = with_propagated_labels(plan.preprocessing, data, plan.taxonomy, s, record=record)
    load = with_overview(load, plan.taxonomy, s)
    return _cached(plan, data, load, patch=training_patch(plan.taxonomy, s), store=case_store(plan, data))


def validation_dataset(plan: TrainingPlan, data: Sequence[Mapping[str, Any]]) -> CachedDataset:
    """Cached whole validation volumes.

    Raises:
        DataError: a case cannot be loaded.
    """
    return _cached(plan, data, plan.preprocessing)


def _cached(plan: TrainingPlan, data: Sequence[Mapping[str, Any]], load: Load, **options: Any) -> CachedDataset:
    s = plan.settings.data
    return CachedDataset(
        data,
        load,
        spacing=s.target_spacing,
        axis_order=s.axis_order,
        max_gigabytes=s.cache_gigabytes,
        progress=ranks().first,
        **options,
    )


def run_training(workflow: TrainingWorkflow) -> None:
    """Train, or go on training; describe the finished weights and offer them to the bundle.

    Args:
        workflow: the training's parts; its plan says whether to resume, and whether to promote the result.
    """
    begin = time.perf_counter()
    try:
        _train(workflow)
    finally:
        if ranks().first:
            add_use(workflow.plan.run_folder, time.perf_counter() - begin)
            unlock_run(workflow.plan.run_folder)
    leave_ranks()


def _train(workflow: TrainingWorkflow) -> None:
    trainer, state = workflow.trainer, workflow.state
    if workflow.plan.resume and state.path.is_file():
        logger.info("resuming after epoch %d", state.restore(trainer))
    for file in _loaded(workflow):
        _check_start(file, workflow.plan.taxonomy)
    _warn_if_seen(workflow.plan)
    if trainer.state.epoch < trainer.state.max_epochs:
        trainer.run()
    if trainer.state.epoch < trainer.state.max_epochs:
        logger.info("stopped after epoch %d; add --resume to go on", trainer.state.epoch)
        return
    if ranks().first:
        _finish(workflow)


def _finish(workflow: TrainingWorkflow) -> None:
    """Store the weights, and offer them to the bundle if that is wanted."""
    _store_weights(workflow)
    if workflow.plan.promote and is_shipped(workflow.plan.bundle_root):
        logger.warning(
            "the weights stay in %s; %s", workflow.plan.run_folder.models, copy_advice(workflow.plan.bundle_root)
        )
    elif workflow.plan.promote:
        models = workflow.plan.bundle_root / "models"
        promote_model(workflow.plan.run_folder.models, models, baseline=_baseline(workflow, models))


def _warn_if_seen(plan: TrainingPlan) -> None:
    """Scores of test cases whose images were pre-trained on are not those of unseen patients."""
    if plan.settings.pretrained is None or not plan.run_folder.datalist.is_file():
        return
    images = pretrained_images(plan.settings.pretrained)
    seen = [case["case"] for case in plan.datalist["test"] if case.get("sha1") in images]
    if seen:
        logger.warning(
            "%s: was pre-trained on images of %d of %d test cases (%s, …); scores on them are not those of unseen "
            "patients: pre-train with this training's seed and split",
            plan.settings.pretrained,
            len(seen),
            len(plan.datalist["test"]),
            seen[0],
        )


def _baseline(workflow: TrainingWorkflow, models: Path) -> float | None:
    """Score of the bundle's weights on this training's validation cases, if the training started from them."""
    return workflow.sync_teacher.score if (models / "model.pt").resolve() in _loaded(workflow) else None


def _loaded(workflow: TrainingWorkflow) -> list[Path]:
    """Files that handlers load weights from when the training starts, as those of MONAI Label do."""
    return [Path(handler.load_path).resolve() for handler in workflow.handlers if hasattr(handler, "load_path")]


def _check_start(file: Path, taxonomy: Taxonomy) -> None:
    """MONAI's loader compares nothing, and takes tensors of another tree as far as their names agree."""
    description = file.with_name(DESCRIPTION)
    if description.is_file():
        check_weights(file, required=False)
        check_weights(description, required=False)
        check_tree(read_json(description).get("taxonomy"), taxonomy, description)


def _store_weights(workflow: TrainingWorkflow) -> None:
    """The teacher's last weights, with what inference must know about them."""
    plan, validation = workflow.plan, _validation(workflow)
    store_weights(
        workflow.teacher.network.state_dict(),
        plan.run_folder.models,
        network=plan.network,
        inference=plan.inference,
        taxonomy=plan.taxonomy,
        validation=validation,
    )
    logger.info("trained: %s, validation Dice %s", plan.run_folder.weights, validation["score"])


def _validation(workflow: TrainingWorkflow) -> dict[str, Any]:
    """Score of the last weights, and which cases and supervision it was measured on."""
    score = workflow.evaluator.state.metrics.get(NodeDice.KEY, math.nan)
    return {
        "metric": NodeDice.KEY,
        "score": None if math.isnan(score) else score,
        "fingerprint": fingerprint(workflow.validation.data),
    }

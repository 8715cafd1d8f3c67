"""What the training command of every bundle does around the trainer."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.transforms import Compose

from cladeseg.bundle.monai_label import inside_monai_label, mask_label_convention
from cladeseg.bundle.run_folder import RunFolder
from cladeseg.cohort import fingerprint
from cladeseg.segmentation.data import (
    CachedDataset,
    cases_of,
    open_or_build_datalist,
    pool_of,
    resolve_label_convention,
    supervision_of,
)
from cladeseg.segmentation.data.label_conventions import AUTO
from cladeseg.segmentation.data.sampler import COARSE
from cladeseg.segmentation.engines import NodeDice
from cladeseg.segmentation.transforms import LabelPropagation, PropagateLabelsd
from cladeseg.segmentation.workflow.promotion import promote as promote_model
from cladeseg.segmentation.workflow.settings import TrainingSettings
from cladeseg.segmentation.workflow.trained import store_weights
from cladeseg.segmentation.workflow.workflow import TrainingWorkflow
from cladeseg.taxonomy import FINE, Taxonomy

logger = logging.getLogger(__name__)

#: Finely labelled cases that guesses come from; more would cost time for every coarse case and change little.
MAX_MODELS = 16


def datalist_of_run(
    run_folder: RunFolder, dataset_dir: str | Path, taxonomy: Taxonomy, **settings: Any
) -> dict[str, Any]:
    """The run's stored split, made and stored at the first call; see :func:`open_or_build_datalist`."""
    return open_or_build_datalist(run_folder.datalist, dataset_dir, taxonomy, **settings)


def resolve_run_convention(
    label_convention: str, dataset_dir: str | Path, layout: str, taxonomy: Taxonomy, bundle_root: str | Path = "."
) -> str:
    """The file convention of a folder's labels: the named one, or for ``"auto"`` the one that its files' names tell.

    MONAI Label hands over cases without a folder; their labels are written as the bundle's masks are.

    Raises:
        DataError: it cannot be told, or the folder is not in this layout.
    """
    if label_convention == AUTO and inside_monai_label():
        return mask_label_convention(bundle_root)
    return resolve_label_convention(label_convention, None, dataset_dir, taxonomy, layout)


def training_cases(
    datalist: Mapping[str, Any], dataset_dir: str | Path, per_batch: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Training cases that have a place in the batch, so that nobody loads cases that are never drawn."""
    cases = cases_of(datalist, "training", dataset_dir)
    return [case for case in cases if per_batch.get(pool_of(case["supervision"]), 0) > 0]


def with_propagated_labels(
    preprocessing: Callable[[dict[str, Any]], dict[str, Any]],
    cases: Sequence[Mapping[str, Any]],
    taxonomy: Taxonomy,
    settings: TrainingSettings,
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """``preprocessing``, followed by a guess of the parts of coarsely labelled cases if ``settings.transfer`` asks.

    The guess comes from the first :data:`MAX_MODELS` finely labelled cases.  Methods to compare with learn nothing from
    it, and where every case is finely labelled, or none, there is nothing to guess.

    Args:
        preprocessing: loads a case.
        cases: of the training.
        taxonomy: the tree.
        settings: of the training.

    Raises:
        DataError: a finely labelled case cannot be loaded.
    """
    kinds = [pool_of(supervision_of(case)) for case in cases]
    fine = [case for case, kind in zip(cases, kinds, strict=True) if kind == FINE][:MAX_MODELS]
    if not settings.transfer or settings.method != "hierarchical_mix" or not fine or COARSE not in kinds:
        return preprocessing
    loaded = CachedDataset(fine, preprocessing, spacing=settings.spacing, progress=False)
    models = [loaded[i]["nodes"] for i in range(len(loaded))]
    transfer = LabelPropagation(
        taxonomy, models, blur=settings.transfer_blur, sure=settings.transfer_sure, axes=settings.transfer_axes
    )
    return Compose([preprocessing, PropagateLabelsd(transfer)])


def run_training(
    workflow: TrainingWorkflow, *, bundle_root: str | Path, resume: bool = False, promote: bool = True
) -> None:
    """Train, or go on training; describe the finished weights and offer them to the bundle.

    Args:
        workflow: the training's parts.
        bundle_root: the bundle whose ``models/`` may get the result.
        resume: go on from the stored state.
        promote: offer the result to the bundle.
    """
    trainer, state = workflow.trainer, workflow.state
    if resume and state.path.is_file():
        logger.info("resuming after epoch %d", state.restore(trainer))
    if trainer.state.epoch < trainer.state.max_epochs:
        trainer.run()
    if trainer.state.epoch < trainer.state.max_epochs:
        logger.info("stopped after epoch %d; add --resume to go on", trainer.state.epoch)
        return
    _store_weights(workflow)
    if promote:
        models = Path(bundle_root) / "models"
        promote_model(workflow.run_folder.models, models, baseline=_baseline(workflow, models))


def _baseline(workflow: TrainingWorkflow, models: Path) -> float | None:
    """Score of the bundle's weights on this training's validation cases, if the training started from them."""
    loaded = [Path(handler.load_path).resolve() for handler in workflow.handlers if hasattr(handler, "load_path")]
    return workflow.sync_teacher.score if (models / "model.pt").resolve() in loaded else None


def _store_weights(workflow: TrainingWorkflow) -> None:
    """The teacher's last weights, with what inference must know about them."""
    folder, settings, validation = workflow.run_folder, workflow.settings, _validation(workflow)
    store_weights(
        workflow.teacher.network.state_dict(),
        folder.models,
        network=settings.network,
        inference={"spacing": list(settings.spacing), "patch_size": list(settings.patch_size)},
        validation=validation,
    )
    logger.info("trained: %s, validation Dice %s", folder.weights, validation["score"])


def _validation(workflow: TrainingWorkflow) -> dict[str, Any]:
    """Score of the last weights, and which cases and supervision it was measured on."""
    score = workflow.evaluator.state.metrics.get(NodeDice.KEY, math.nan)
    return {
        "metric": NodeDice.KEY,
        "score": None if math.isnan(score) else score,
        "fingerprint": fingerprint(workflow.validation.data),
    }

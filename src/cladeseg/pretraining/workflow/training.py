"""What the training command does around the trainer."""

from __future__ import annotations

import logging
from typing import Any

from cladeseg.bundle.run_folder import unlock_run
from cladeseg.cohort import fingerprint
from cladeseg.pretraining.workflow.encoder import store_encoder
from cladeseg.pretraining.workflow.page import write_page_of
from cladeseg.pretraining.workflow.plan import PretrainingPlan
from cladeseg.pretraining.workflow.settings import FREE_ON_RESUME
from cladeseg.pretraining.workflow.workflow import PretrainingWorkflow
from cladeseg.segmentation.engines import open_training, read_history

logger = logging.getLogger(__name__)

#: Figures of the last epoch that the encoder's description keeps.
_KEPT = ("alignment", "uniformity", "effective_rank")


def start_pretraining(plan: PretrainingPlan) -> None:
    """Open the run's folder, or refuse it; see :func:`~cladeseg.bundle.run_folder.start_run`.

    Raises:
        DataError: the folder holds a training that is not to be resumed, or was trained with other settings.
    """
    open_training(plan.run_folder, plan.settings, plan.taxonomy, resume=plan.resume, free=FREE_ON_RESUME)


def run_pretraining(workflow: PretrainingWorkflow) -> None:
    """Train, or go on training; store the encoder and the page.

    Raises:
        CollapseError: the features became the same everywhere.
        FloatingPointError: a loss is not finite.
    """
    try:
        _train(workflow)
    finally:
        unlock_run(workflow.plan.run_folder)


def _train(workflow: PretrainingWorkflow) -> None:
    trainer, state, folder = workflow.trainer, workflow.state, workflow.plan.run_folder
    if workflow.plan.resume and state.path.is_file():
        logger.info("resuming after epoch %d", state.restore(trainer))
    if trainer.state.epoch < trainer.state.max_epochs:
        trainer.run()
    if trainer.state.epoch < trainer.state.max_epochs:
        logger.info("stopped after epoch %d; add --resume to go on", trainer.state.epoch)
        return
    path = store_encoder(workflow.teacher.network.state_dict(), folder.models, _description(workflow))
    write_page_of(workflow)
    logger.info("pre-trained: %s", path)


def _description(workflow: PretrainingWorkflow) -> dict[str, Any]:
    plan = workflow.plan
    data = plan.settings.data
    last = read_history(plan.run_folder.history, workflow.trainer.state.epoch)[-1]
    return {
        "network": plan.network,
        "axis_order": data.axis_order,
        "spacing": list(data.target_spacing),
        "patch_size": list(data.patch_size),
        "channels": list(data.channels),
        "intensity": data.intensity,
        "task": None if plan.task is None else plan.task.name,
        "tasks": {name: weight for name, (_, weight) in workflow.step.tasks.items()},
        "steps": workflow.trainer.state.iteration,
        "diagnostics": {name: float(last[f"train_{name}"]) for name in _KEPT if last.get(f"train_{name}")},
        "images": sorted(case["sha1"] for case in workflow.training.data),
        "fingerprint": fingerprint(workflow.training.data),
    }

"""What the training command of every bundle does around the trainer."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cladeseg.bundle.promotion import promote as promote_model
from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.trained import describe_weights
from cladeseg.data import cases_of, fingerprint, open_or_build_datalist, pool_of
from cladeseg.engines import NodeDice, TrainingState, TreeTrainer, save_atomically
from cladeseg.files import write_json
from cladeseg.taxonomy import Taxonomy

logger = logging.getLogger(__name__)


def datalist_of_run(
    run_folder: RunFolder, dataset_dir: str | Path, taxonomy: Taxonomy, **settings: Any
) -> dict[str, Any]:
    """The run's stored split, made and stored at the first call; see :func:`open_or_build_datalist`."""
    return open_or_build_datalist(run_folder.datalist, dataset_dir, taxonomy, **settings)


def training_cases(
    datalist: Mapping[str, Any], dataset_dir: str | Path, per_batch: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Training cases that have a place in the batch, so that nobody loads cases that are never drawn."""
    cases = cases_of(datalist, "training", dataset_dir)
    return [case for case in cases if per_batch.get(pool_of(case["supervision"]), 0) > 0]


def run_training(
    *,
    trainer: TreeTrainer,
    state: TrainingState,
    run_folder: RunFolder,
    datalist: Mapping[str, Any],
    network_options: Mapping[str, Any],
    inference: Mapping[str, Any],
    bundle_root: str | Path,
    resume: bool = False,
    promote: bool = True,
) -> None:
    """Train, or go on training; describe the finished weights and offer them to the bundle.

    Args:
        trainer: with all its handlers.
        state: the handler that writes and restores the training state.
        run_folder: where everything goes.
        datalist: the run's split.
        network_options: go into the weights' description, so that inference builds the same network.
        inference: further settings that inference must share, e.g. ``spacing`` and ``patch_size``.
        bundle_root: the bundle whose ``models/`` may get the result.
        resume: go on from the stored state.
        promote: offer the result to the bundle.
    """
    if resume and state.path.is_file():
        logger.info("resuming after epoch %d", state.restore(trainer))
    if trainer.state.epoch < trainer.state.max_epochs:
        trainer.run()
    if trainer.state.epoch < trainer.state.max_epochs:
        logger.info("stopped after epoch %d; add --resume to go on", trainer.state.epoch)
        return
    save_atomically(trainer.teacher.network.state_dict(), run_folder.weights)
    validation = _validation(state, datalist)
    description = describe_weights(
        run_folder.weights, network=network_options, inference=inference, validation=validation
    )
    write_json(description, run_folder.description)
    logger.info("trained: %s, validation Dice %s", run_folder.weights, validation["score"])
    if promote:
        promote_model(run_folder.models, Path(bundle_root) / "models")


def _validation(state: TrainingState, datalist: Mapping[str, Any]) -> dict[str, Any]:
    """Score of the last weights, and which cases and supervision it was measured on."""
    score = state.evaluator.state.metrics.get(NodeDice.KEY, math.nan) if state.evaluator is not None else math.nan
    return {
        "metric": NodeDice.KEY,
        "score": None if math.isnan(score) else score,
        "fingerprint": fingerprint(datalist["validation"]),
    }

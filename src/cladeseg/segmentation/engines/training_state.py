"""Everything a training needs to go on as if it had never stopped, in one file per run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from cladeseg.files import DataError
from cladeseg.segmentation.engines.checkpoint import load_checkpoint, save_checkpoint
from cladeseg.segmentation.engines.trainer import TreeTrainer

logger = logging.getLogger(__name__)


class TrainingState:
    """Handler that writes the state after each ``interval`` epochs and restores it on demand.

    The file holds the student, the teacher, the method's own networks, optimiser, schedule, epoch, validation scores,
    and where the random numbers and the sampler stand: since both are pure functions of the seed and the step, that is
    the seed and the next step.  An interruption or a full disk never costs the previous file, which
    MONAI's ``CheckpointSaver`` overwrites in place.

    Args:
        path: the file, e.g. ``R/checkpoints/last.pt``.
        interval: epochs between two writes; the last epoch is always written.
        evaluator: the validation engine whose best score is kept too.
        made_with: plain values that say what the state belongs to, e.g. the training's settings and tree; kept in the
            file for whoever resumes.
    """

    def __init__(
        self, path: str | Path, *, interval: int = 1, evaluator: Any = None, made_with: Mapping[str, Any] | None = None
    ) -> None:
        self.path = Path(path)
        self.interval = interval
        self.evaluator = evaluator
        self.made_with = dict(made_with or {})

    def attach(self, engine: Engine) -> None:
        """Write at the end of epochs; attach last, so that the validation of the epoch is included."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._on_epoch)

    def _on_epoch(self, engine: TreeTrainer) -> None:
        if engine.state.epoch % self.interval == 0 or engine.state.epoch == engine.state.max_epochs:
            save_checkpoint(self._collect(engine), self.path)

    def _collect(self, trainer: TreeTrainer) -> dict[str, Any]:
        return {
            **self.made_with,
            "network": trainer.network.state_dict(),
            "teacher": trainer.teacher.state_dict(),
            "step": trainer.step.state_dict() if hasattr(trainer.step, "state_dict") else {},
            "optimizer": trainer.optimizer.state_dict(),
            "lr_scheduler": None if trainer.lr_scheduler is None else trainer.lr_scheduler.state_dict(),
            "epoch": trainer.state.epoch,
            "seed": trainer.seed,
            "next_step": trainer.state.iteration,
            "max_epochs": trainer.state.max_epochs,
            "steps_per_epoch": trainer.state.epoch_length,
            "validation": None if self.evaluator is None else _validation_state(self.evaluator.state),
        }

    def restore(self, trainer: TreeTrainer) -> int:
        """Load the file into a trainer and set its loader's sampler to the next step.

        Returns:
            The number of epochs already trained.

        Raises:
            DataError: the file cannot be read or is damaged, or was written with another seed or number of steps per
                epoch.
        """
        state = load_checkpoint(self.path)
        for name, now in (("steps_per_epoch", trainer.state.epoch_length), ("seed", trainer.seed)):
            if state[name] != now:
                raise DataError(f"{self.path}: was written with {name} {state[name]}, not {now}")
        if state["max_epochs"] != trainer.state.max_epochs:
            logger.warning(
                "%s: started for %d epochs, now aims at %d: the learning rate follows the new course, "
                "so the result is not that of one uninterrupted training",
                self.path,
                state["max_epochs"],
                trainer.state.max_epochs,
            )
        trainer.network.load_state_dict(state["network"])
        trainer.teacher.load_state_dict(state["teacher"])
        if hasattr(trainer.step, "load_state_dict"):
            trainer.step.load_state_dict(state["step"])
        trainer.optimizer.load_state_dict(state["optimizer"])
        if trainer.lr_scheduler is not None:
            trainer.lr_scheduler.load_state_dict(state["lr_scheduler"])
        trainer.state.epoch, trainer.state.iteration = state["epoch"], state["next_step"]
        trainer.data_loader.batch_sampler.start_step = state["next_step"]
        if self.evaluator is not None and state["validation"] is not None:
            for name, value in state["validation"].items():
                setattr(self.evaluator.state, name, value)
        return int(state["epoch"])


def _validation_state(state: Any) -> dict[str, Any]:
    return {
        "metrics": {name: float(value) for name, value in state.metrics.items()},
        "best_metric": float(state.best_metric),
        "best_metric_epoch": int(state.best_metric_epoch),
    }

"""Small handlers of a training: validation, progress, a start from loaded weights, a stop on purpose."""

from __future__ import annotations

import math
import sys
from typing import Any

from ignite.engine import Engine, Events
from tqdm import tqdm

from cladeseg.segmentation.engines.node_dice import NodeDice


class Validate:
    """Run a validation engine after each ``interval`` epochs of a trainer, and after the last.

    A split without validation cases is not validated.  MONAI's ``ValidationHandler`` leaves out the last epoch, and its
    engines keep a missing first score as the best one for good.

    Args:
        evaluator: the validation engine, with :class:`NodeDice` attached.
        interval: epochs between two validations; 0 for none but the last.
    """

    def __init__(self, evaluator: Any, *, interval: int = 1) -> None:
        self.evaluator = evaluator
        self.interval = interval

    def attach(self, engine: Engine) -> None:
        """Attach before history, TensorBoard and the training state."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._validate)

    def _validate(self, engine: Engine) -> None:
        epoch, last = engine.state.epoch, engine.state.epoch == engine.state.max_epochs
        due = last or (self.interval and epoch % self.interval == 0)
        if not due or not len(self.evaluator.data_loader):
            return
        self.evaluator.run(epoch)
        state = self.evaluator.state
        state.validated_epoch = epoch
        score = state.metrics[NodeDice.KEY]
        if not math.isnan(score) and score > state.best_metric:
            state.best_metric, state.best_metric_epoch = score, epoch


class TrainingProgress:
    """Progress bar over all steps of a training; one line every half minute where there is no terminal.

    Ignite's ``ProgressBar`` counts one epoch at a time, reads the losses in every step and stays open after an error.

    Args:
        interval: steps between two readings of the losses (each waits for the device).
    """

    def __init__(self, *, interval: int = 10) -> None:
        self.interval = interval
        self._bar: tqdm | None = None

    def attach(self, engine: Engine) -> None:
        """Attach anywhere."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._advance)
        engine.add_event_handler(Events.COMPLETED, self._close)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._fail)

    def _start(self, engine: Engine) -> None:
        total = engine.state.max_epochs * engine.state.epoch_length
        pause = 0.5 if sys.stderr.isatty() else 30.0
        self._bar = tqdm(total=total, initial=engine.state.iteration, desc="training", unit="step", mininterval=pause)

    def _advance(self, engine: Engine) -> None:
        if self._bar is None:
            return
        if engine.state.iteration % self.interval == 0:
            losses = {name: f"{float(value):.3f}" for name, value in engine.state.output.items()}
            self._bar.set_postfix({"epoch": str(engine.state.epoch), **losses}, refresh=False)
        self._bar.update()

    def _close(self, engine: Engine) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _fail(self, engine: Engine, error: BaseException) -> None:
        self._close(engine)
        raise error


class SyncTeacherOnLoad:
    """Let the teacher start where the student starts, and score that start.

    Handlers that load weights (MONAI's ``CheckpointLoader``) fill the student when the training starts; the teacher,
    which was copied before, would still average towards them from random weights.

    Args:
        evaluator: the validation engine of the teacher, with :class:`~cladeseg.segmentation.engines.NodeDice` attached.

    Attributes:
        score: validation Dice before the first step; ``None`` without validation cases, or before the start.
    """

    def __init__(self, evaluator: Any) -> None:
        self.evaluator = evaluator
        self.score: float | None = None

    def attach(self, engine: Engine) -> None:
        """Attach after the handlers that load."""
        engine.add_event_handler(Events.STARTED, self._start)

    def _start(self, engine: Engine) -> None:
        if engine.state.iteration:  # resumed: the teacher has a state of its own
            return
        engine.teacher.load_state_dict({"network": engine.network.state_dict(), "step": 0})
        if len(self.evaluator.data_loader):
            self.evaluator.run()
            score = self.evaluator.state.metrics[NodeDice.KEY]
            self.score = None if math.isnan(score) else score


class StopAfter:
    """Terminate after an epoch; the schedule still aims at the trainer's ``max_epochs``.

    Args:
        epoch: last epoch to train now; ``None`` never stops.
    """

    def __init__(self, epoch: int | None = None) -> None:
        self.epoch = epoch

    def attach(self, engine: Engine) -> None:
        """Attach after the training state."""
        if self.epoch is not None:
            engine.add_event_handler(Events.EPOCH_COMPLETED, self._stop)

    def _stop(self, engine: Engine) -> None:
        if engine.state.epoch >= (self.epoch or 0):
            engine.terminate()

"""A training that starts from weights which another handler loads."""

from __future__ import annotations

import math
from typing import Any

from ignite.engine import Engine, Events

from cladeseg.segmentation.engines.node_dice import NodeDice


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

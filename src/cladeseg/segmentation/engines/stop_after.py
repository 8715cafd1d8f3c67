"""Stop a training early on purpose, as an interruption would, to be resumed later."""

from __future__ import annotations

from ignite.engine import Engine, Events


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

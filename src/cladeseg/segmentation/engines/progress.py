"""One progress bar for a whole training, with the time left and the latest losses."""

from __future__ import annotations

import sys

from ignite.engine import Engine, Events
from tqdm import tqdm


class TrainingProgress:
    """Progress bar over all steps of a training; one line every half minute where there is no terminal.

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

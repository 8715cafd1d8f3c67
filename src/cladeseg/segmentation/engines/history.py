"""What happened in each epoch: a CSV beside the checkpoints, and TensorBoard."""

from __future__ import annotations

import csv
import logging
import math
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from torch.utils.tensorboard import SummaryWriter

from cladeseg.bundle.ranks import mean_over_ranks
from cladeseg.files import DataError, atomic_write

logger = logging.getLogger(__name__)

_WAY_OUT = "restore it, or delete it to go on without its rows"


class EpochLosses:
    """Mean of each loss over the epoch's steps, in ``engine.state.epoch_losses``; stops a training that diverged.

    Sums stay on the device until the epoch ends, so that no step waits for it.

    Raises:
        FloatingPointError: at the end of an epoch whose mean loss is not finite.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Any] = {}
        self._counts: dict[str, int] = {}

    def attach(self, engine: Engine) -> None:
        """Attach before anything that reads the losses."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._close)

    def _add(self, engine: Engine) -> None:
        for name, value in engine.state.output.items():
            self._sums[name] = self._sums.get(name, 0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def _close(self, engine: Engine) -> None:
        means = {name: float(mean_over_ranks(total)) / self._counts[name] for name, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        engine.state.epoch_losses = means
        if not all(math.isfinite(value) for value in means.values()):
            raise FloatingPointError(f"epoch {engine.state.epoch}: losses are not finite: {means}; lower learning_rate")


class HistoryFile:
    """One CSV row per epoch: losses, learning rate and, where there was a validation, its scores.

    MONAI's ``StatsHandler`` logs lines and its ``MetricsSaver`` tables the cases of one run; neither keeps a table of
    epochs that a resumed training continues.

    Args:
        path: the CSV file, e.g. ``R/history.csv``; rows of epochs that are trained again are dropped.
        evaluator: the validation engine whose metrics are added in the epochs it ran.
    """

    def __init__(self, path: str | Path, *, evaluator: Any = None) -> None:
        self.path = Path(path)
        self.evaluator = evaluator
        self._rows: list[dict[str, Any]] = []

    def attach(self, engine: Engine) -> None:
        """Attach after validation."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._append)

    def _start(self, engine: Engine) -> None:
        self._rows = [dict(row) for row in read_history(self.path, engine.state.epoch)]

    def _append(self, engine: Engine) -> None:
        row = {"epoch": engine.state.epoch, "step": engine.state.iteration, **epoch_values(engine, self.evaluator)}
        self._rows.append({name: f"{value:.8g}" if isinstance(value, float) else value for name, value in row.items()})
        self._write()
        shown = ", ".join(f"{name} {value:.4g}" for name, value in row.items() if isinstance(value, float))
        logger.info("epoch %d of %d: %s", engine.state.epoch, engine.state.max_epochs, shown)

    def _write(self) -> None:
        with atomic_write(self.path) as temporary:
            self._write_rows(temporary)

    def _write_rows(self, path: Path) -> None:
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self._rows)


def read_history(path: Path, epoch: int) -> list[dict[str, str]]:
    """The rows of a :class:`HistoryFile` up to an epoch; none if there is no file, or nothing was trained yet.

    Args:
        path: the CSV file.
        epoch: the last one that was trained; its row must be the last of those, and none may be missing before it.

    Raises:
        DataError: the file cannot be read, or is torn.
    """
    if not epoch or not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file, strict=True) if int(row["epoch"]) <= epoch]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({type(error).__name__}: {error}); {_WAY_OUT}") from error
    epochs = [int(row["epoch"]) for row in rows]
    torn = any(None in row or None in row.values() for row in rows)
    if torn or not rows or epochs != list(range(epochs[0], epoch + 1)):
        raise DataError(f"{path}: is damaged: it does not hold a whole row for each epoch up to {epoch}; {_WAY_OUT}")
    return rows


class TensorBoardLog:
    """Losses, learning rate and validation scores per epoch, and the validation's overlay picture when there is one.

    MONAI's ``TensorBoardStatsHandler`` opens its file before a state is restored, so that epochs which are trained
    again stand there twice.

    Args:
        folder: where TensorBoard's event files go.
        evaluator: the validation engine.
    """

    def __init__(self, folder: str | Path, *, evaluator: Any = None) -> None:
        self.folder = str(folder)
        self.evaluator = evaluator
        self._writer: SummaryWriter | None = None

    def attach(self, engine: Engine) -> None:
        """Attach after validation."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._log)
        engine.add_event_handler(Events.COMPLETED, self._close)

    def _log(self, engine: Engine) -> None:
        if self._writer is None:
            self._writer = SummaryWriter(self.folder, purge_step=engine.state.epoch)
        for name, value in epoch_values(engine, self.evaluator).items():
            self._writer.add_scalar(name, value, engine.state.epoch)
        picture = None if self.evaluator is None else getattr(self.evaluator.state, "overlay", None)
        if picture is not None:
            self._writer.add_image("validation", picture, engine.state.epoch, dataformats="HWC")
            self.evaluator.state.overlay = None

    def _close(self, engine: Engine) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def epoch_values(engine: Engine, evaluator: Any) -> dict[str, float]:
    """Losses, learning rate and, where this epoch was validated, its scores."""
    values = {f"train_{name}": value for name, value in engine.state.epoch_losses.items()}
    values["learning_rate"] = float(engine.optimizer.param_groups[0]["lr"])
    if evaluator is not None and getattr(evaluator.state, "validated_epoch", None) == engine.state.epoch:
        values |= {f"validation_{name}": float(v) for name, v in evaluator.state.metrics.items()}
    return {name: value for name, value in values.items() if not math.isnan(value)}

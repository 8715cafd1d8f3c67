"""What people see of a grid at work, on whichever machines: a bar for all runs, and a line for each that goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from cladeseg.benchmark.usage import STORE_EVERY_S
from cladeseg.files import DataError, read_json

#: Between two looks at the runs' files: a run that goes on has written its own since.
_LOOK_EVERY_S = 2 * STORE_EVERY_S


@dataclass
class _Line:
    """A run that is not done: its file, what it held at the last look, and its line while it goes on."""

    label: str
    file: Path
    stamp: int = 0
    shown: TaskID | None = None
    seconds: float = 0.0
    state: str = ""


class GridProgress:
    """Shows runs by the files that they keep of their use, so that it does not matter where they are done.

    Args:
        waiting: name → label and file of each run that is to do.
        done: number of those that are finished already.
        took: seconds of each of these.
        console: what it is shown on.
    """

    def __init__(
        self, waiting: Mapping[str, tuple[str, Path]], *, done: int, took: Sequence[float], console: Console
    ) -> None:
        self.lines = {name: _Line(label, file, _stamp(file)) for name, (label, file) in waiting.items()}
        self.took = list(took)
        self.total = len(waiting) + done
        self.console = console
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
        self.progress = Progress(*columns, console=console)
        self.bar = self.progress.add_task("runs", total=self.total, completed=done, state="")
        self._over = Event()
        self._watch = Thread(target=self._keep_looking, daemon=True)

    def __enter__(self) -> GridProgress:
        """Begin to look."""
        self.progress.start()
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Look no more."""
        self._over.set()
        self._watch.join()
        self.progress.stop()

    def ended(self, name: str, said: str, seconds: float | None = None) -> None:
        """Show how a run came to its end.

        Args:
            name: of the run.
            said: the line that is shown.
            seconds: that it took, if it is finished.
        """
        line = self.lines.pop(name)
        self.took += [] if seconds is None else [seconds]
        self.console.print(said, markup=False, highlight=False, soft_wrap=True)
        self._hide(line)
        self.progress.update(self.bar, advance=1, state=self._summary())

    def _keep_looking(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S):
            self.look()

    def look(self) -> None:
        """See which runs go on, and show what each does."""
        for line in list(self.lines.values()):
            stamp = _stamp(line.file)
            if stamp == line.stamp:
                self._hide(line)
                continue
            line.stamp = stamp
            self._show(line, _content(line.file))
        self.progress.update(self.bar, state=self._summary())

    def _show(self, line: _Line, content: Mapping[str, Any]) -> None:
        before, line.state = line.state, str(content.get("state", ""))
        line.seconds = float(content.get("seconds", 0.0))
        stage = line.state.partition(",")[0]
        if not self.console.is_terminal and stage != before.partition(",")[0]:
            self.console.print(f"{line.label}: {stage}", markup=False, highlight=False, soft_wrap=True)
        if line.shown is None:
            line.shown = self.progress.add_task(line.label, total=1, state=line.state)
        self.progress.update(line.shown, state=line.state)

    def _hide(self, line: _Line) -> None:
        if line.shown is not None:
            self.progress.remove_task(line.shown)
            line.shown = None

    def _summary(self) -> str:
        """How many are done, and the time left."""
        lines = list(self.lines.values())
        running = [line.seconds for line in lines if line.shown is not None]
        left = seconds_left(self.took, running=running, waiting=len(lines) - len(running), workers=max(1, len(running)))
        done = f"{self.total - len(lines)} of {self.total}"
        return done if left is None else f"{done}, about {duration(left)} left"


def _stamp(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _content(file: Path) -> Mapping[str, Any]:
    try:
        return dict(read_json(file))
    except (DataError, TypeError, ValueError):
        return {}


def seconds_left(finished: Sequence[float], *, running: Sequence[float], waiting: int, workers: int) -> float | None:
    """Time until the last run ends, if each takes as long as the finished ones did on average; else ``None``.

    Args:
        finished: seconds that each finished run took.
        running: seconds that each run at work has taken so far.
        waiting: number of runs that have not begun.
        workers: runs at a time.

    Examples:
        >>> seconds_left([80.0, 120.0], running=[25.0], waiting=3, workers=1)
        375.0
    """
    if not finished:
        return None
    each = sum(finished) / len(finished)
    return (waiting * each + sum(max(0.0, each - seconds) for seconds in running)) / workers


def duration(seconds: float) -> str:
    """A time as people read it.

    Examples:
        >>> duration(7500), duration(200)
        ('2 h 05 min', '3 min')
    """
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"

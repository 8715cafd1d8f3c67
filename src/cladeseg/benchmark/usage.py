"""What a run costs: seconds and memory, over all its attempts; and what it does at the moment."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from cladeseg.files import read_json, write_json

#: Between two writings of the file, unless the run does something else.
STORE_EVERY_S = 5.0
_MIB = 2**20


class Usage:
    """Wall clock and largest resident memory of a run, kept in a file so that a kill does not lose them.

    The file also says what the run does, for whoever shows it, maybe on another machine.

    Args:
        path: the file; what it holds from earlier attempts is added to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        before = read_json(path) if path.is_file() else {}
        self.seconds = float(before.get("seconds", 0.0))
        self.peak_mb = float(before.get("peak_mb", 0.0))
        self.state = ""
        self._looked = self._stored = time.monotonic()

    def look(self, pid: int | None, state: str = "") -> None:
        """Add the time since the last look, see how much memory the process holds, and keep what it does."""
        now, begun = time.monotonic(), state != self.state
        self.state = state
        self.seconds += now - self._looked
        self._looked = now
        self.peak_mb = max(self.peak_mb, 0.0 if pid is None else _resident(pid) / _MIB)
        if begun or now - self._stored > STORE_EVERY_S:
            self.store()

    def store(self) -> None:
        """Write the file."""
        self._stored = time.monotonic()
        write_json({**self.so_far(), "state": self.state}, self.path)

    def so_far(self) -> dict[str, float]:
        """``seconds`` and ``peak_mb``."""
        return {"seconds": self.seconds, "peak_mb": self.peak_mb}


def _resident(pid: int) -> int:
    """Bytes of a process and its children; 0 once it is gone."""
    try:
        process = psutil.Process(pid)
        return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0

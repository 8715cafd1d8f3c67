"""Which of several processes died, found by those that are left."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any

import psutil

from cladeseg.files import DataError

#: Seconds that the others have to say that they live; on one machine a dead process is seen at once.
_PATIENCE = 20.0
_PAUSE = 0.1


class Roll:
    """The list of all processes, kept where each can read it after one has died.

    Args:
        store: key-value store of ``torch.distributed``, which lives with ``torchrun`` and not with a process.
        index: of this process.
        count: of all processes.
    """

    def __init__(self, store: Any, index: int, count: int) -> None:
        self.store, self.index, self.count = store, index, count
        store.set(f"process/{index}", json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))

    def first_to_say(self) -> bool:
        """Whether nobody has shown an error yet; from now on somebody has."""
        try:
            return self.store.add("said", 1) == 1
        except RuntimeError:  # the store is gone, and with it the machine of the first process
            return True

    def lost(self) -> BaseException:
        """What ends this process after another one has not come.

        Returns:
            An error that names the dead process; or a quiet exit where another process has shown an error.
        """
        try:
            gone = self._gone()
        except RuntimeError:
            return DataError("the machine of process 0 cannot be reached any more; start all again with --resume True")
        if not gone:
            return KeyboardInterrupt()
        names = ", ".join(self._name(index) for index in gone)
        return DataError(f"{names}: ended before the training did; start all again with --resume True to go on")

    def _gone(self) -> list[int]:
        """Processes that do not answer any more; none if all do."""
        self.store.set(f"alive/{self.index}", "")
        until = time.monotonic() + _PATIENCE
        while silent := [other for other in range(self.count) if not self.store.check([f"alive/{other}"])]:
            dead = [other for other in silent if self._is_dead(other)]
            if dead or time.monotonic() > until:
                return dead or silent
            time.sleep(_PAUSE)
        return []

    def _is_dead(self, index: int) -> bool:
        """Whether a process of this machine has ended; of others nobody can say."""
        process = self._process(index)
        if process["host"] != socket.gethostname():
            return False
        try:
            return psutil.Process(process["pid"]).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def _name(self, index: int) -> str:
        process = self._process(index)
        return f"process {index} of {self.count} (pid {process['pid']} on {process['host']})"

    def _process(self, index: int) -> dict[str, Any]:
        return json.loads(self.store.get(f"process/{index}"))

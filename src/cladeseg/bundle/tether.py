"""Runs a module that ends when whoever started it does, however that one ended.

``python tether.py MODULE ARGUMENTS…`` is ``python -m MODULE ARGUMENTS…`` that watches its standard input: the process
that started it holds the other end, and the system lets go of it even where that process was killed.  It is called as a
file, so that it watches before the package is loaded.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Thread


def is_module_call(command: Sequence[str]) -> bool:
    """Whether a command is ``PYTHON -m MODULE …``."""
    return list(command[1:2]) == ["-m"]


def tethered(command: Sequence[str]) -> list[str]:
    """The same call of a module, tethered.

    Example:
        >>> tethered(["python", "-m", "monai.bundle", "run"])  # doctest: +ELLIPSIS
        ['python', '...tether.py', 'monai.bundle', 'run']
    """
    return [command[0], __file__, *command[2:]]


def _end_with_starter() -> None:
    while os.read(0, 1):  # nothing is ever sent: this waits for the end
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run the module that the arguments name."""
    Thread(target=_end_with_starter, daemon=True).start()
    sys.path[0] = str(Path.cwd())  # as for a module, in place of this file's folder
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

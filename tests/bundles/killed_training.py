"""Trainings that are killed at random moments and resumed, each in a fork of a process that has imported everything.

    python killed_training.py BUNDLE DATA OUT KILLS

``OUT/whole`` and ``OUT/again`` are never interrupted; ``OUT/0``, ``OUT/1``, … are, until KILLS processes have been
killed.  The last line of the output is the number of kills.
"""

from __future__ import annotations

import importlib
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import torch
from bundle_runs import Place, train

COURSE: dict[str, Any] = {"epochs": 3, "settings#network#dropout": 0.2, "settings#optimizer#validation_interval": 2}
_RESUME = {"resume": True, **COURSE}


def start(place: Place, run: Path, log: Path) -> int:
    """Fork a process that trains; gives its id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with log.open("a") as file:
            for stream in (1, 2):
                os.dup2(file.fileno(), stream)
            train(place, run, **_RESUME)
            log.with_name("modules").write_text("\n".join(sys.modules))
            code = 0
    except BaseException:  # noqa: BLE001 whatever happens, the child must never return into the parent's code
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(child: int, seconds: float) -> bool:
    """Whether a child ended well within a time; if it did not end, it was killed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            if status:
                raise SystemExit(f"a training ended with status {status}")
            return True
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def uninterrupted(place: Place, run: Path, log: Path) -> float:
    """Seconds that a training takes."""
    begin = time.monotonic()
    if not ended(start(place, run, log), 300):
        raise SystemExit("the uninterrupted training took too long")
    return time.monotonic() - begin


def import_all(modules: list[str]) -> None:
    """What a training has loaded on its way, so that the forks need not."""
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError:  # of some there is a module only for those who find it in sys.modules
            continue


def main(bundle: str, data: str, out: str, kills: str) -> None:
    torch.set_num_threads(1)  # threads would not survive the fork
    place, folder, log = Place(Path(bundle), Path(data)), Path(out), Path(out, "log.txt")
    folder.mkdir()
    uninterrupted(place, folder / "whole", log)
    import_all((folder / "modules").read_text().split())
    whole, moments, killed, run = uninterrupted(place, folder / "again", log), random.Random(0), 0, 0
    while killed < int(kills):
        while not ended(start(place, folder / str(run), log), moments.uniform(0, whole)):
            killed += 1
        run += 1
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

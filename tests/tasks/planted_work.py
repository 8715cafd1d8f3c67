"""Work that workers import: it counts, fails and dies as its arguments say."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cladeseg.files import DataError


@dataclass(frozen=True)
class PlantedWork:
    """Squares numbers, and keeps a line for each call and for each process that loaded it.

    Args:
        folder: of the two files.
    """

    folder: Path

    def __reduce__(self) -> Any:
        return load, (self.folder,)

    def __call__(self, argument: dict[str, Any]) -> dict[str, Any]:
        name = argument["name"]
        note(self.folder / "calls.txt", name)
        calls = (self.folder / "calls.txt").read_text().split().count(name)
        if calls <= argument.get("fails", 0):
            raise DataError(f"{name}: planted fault")
        if calls <= argument.get("dies", 0):
            os.kill(os.getpid(), signal.SIGKILL)
        return {"name": name, "square": argument["number"] ** 2}


def load(folder: Path) -> PlantedWork:
    note(folder / "loads.txt", str(os.getpid()))
    return PlantedWork(folder)


def not_loadable() -> None:
    raise RuntimeError("planted: the model is not there")


class NotLoadable:
    def __reduce__(self) -> Any:
        return not_loadable, ()

    def __call__(self, argument: Any) -> Any:
        return argument


def note(file: Path, text: str) -> None:
    with file.open("a") as lines:
        lines.write(text + "\n")

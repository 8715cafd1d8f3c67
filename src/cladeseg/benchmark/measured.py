"""What a record of times says of its making: command, date, machine and what else it did, threads, versions."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from cladeseg.bundle.provenance import made_by

#: Of the path of weights, as much as says of which run they are: RUN/models/model.pt.
_OF_WEIGHTS = 3


def measured_now() -> dict[str, Any]:
    """Of this process, at the beginning of a measurement.

    Returns:
        ``versions``, ``commit``, ``hardware``; ``command`` (a line without the folders of this machine), ``date``
        (UTC), ``threads`` of PyTorch, and ``load``: processes that wanted a core in the last minute, on average.
    """
    made = made_by()
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return {
        **made,
        "command": shown_command(made["command"]),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "threads": torch.get_num_threads(),
        "load": load,
    }


def shown_command(arguments: Sequence[str]) -> str:
    """A call as people repeat it; where somebody keeps a folder is nobody else's business.

    Args:
        arguments: as ``sys.argv`` has them, the program first.

    Example:
        >>> shown_command(["/v/bin/cladeseg", "predict", "/data/scans", "--weights=/runs/R/models/model.pt"])
        'cladeseg predict scans --weights=R/models/model.pt'
    """
    return shlex.join(["cladeseg", *map(_shown, arguments[1:])])


def _shown(argument: str) -> str:
    option, equals, value = argument.partition("=")
    if argument.startswith("-") and equals:
        return f"{option}={shown_path(value)}"
    return shown_path(argument)


def shown_path(path: str | Path) -> str:
    """A path without the folders above it, unless it is relative.

    Example:
        >>> shown_path("/data/ACDC"), shown_path("runs/acdc")
        ('ACDC', 'runs/acdc')
    """
    if not Path(path).is_absolute():
        return str(path)
    parts = Path(path).parts
    return "/".join(parts[-_OF_WEIGHTS if "models" in parts[-_OF_WEIGHTS + 1 :] else -1 :])

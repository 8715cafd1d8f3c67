"""Records of measurements: one small JSON file for each call of a command, kept under version control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cladeseg.files import DataError, read_json

#: What every record says of its making, see :func:`~cladeseg.benchmark.measured.measured_now`.
MADE = ("command", "date", "hardware", "threads", "load", "versions", "commit")


@dataclass(frozen=True)
class SpeedRecord:
    """What one call of ``cladeseg benchmark speed`` or ``cladeseg benchmark cohorts`` wrote.

    Attributes:
        file: its name.
        content: the file's.
    """

    file: str
    content: Mapping[str, Any]

    @property
    def subject(self) -> str:
        """Which bundle's cases were used, in words; empty where that does not matter."""
        if not {"bundle", "dataset"} <= set(self.content):
            return ""
        return f"{self.content['bundle']}, {self.content['dataset']}"


def read_records(folder: str | Path) -> list[SpeedRecord]:
    """All records of a folder, in the order of their names.

    Raises:
        DataError: a file there is no such record; the message names it and what it lacks.
    """
    return [_record(file) for file in sorted(Path(folder).glob("[!.]*.json"))]


def _record(file: Path) -> SpeedRecord:
    content = read_json(file)
    missing = [name for name in MADE if not isinstance(content, dict) or name not in content]
    if missing:
        raise DataError(f"{file}: says nothing of {', '.join(missing)}; measure it again with this version")
    return SpeedRecord(file.name, content)

"""Load a case as a training does, and say what it would refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cladeseg.files import DataError, first_cause
from cladeseg.segmentation.data.finding import Finding
from cladeseg.segmentation.data.volume_files import absolute_paths, volume_files
from cladeseg.taxonomy import FINE, UNLABELLED, LabelValueError

Load = Callable[[dict[str, Any]], Any]


def load_findings(case: Mapping[str, Any], dataset_dir: str | Path, load: Load) -> list[Finding]:
    """What goes wrong when a case is loaded; nothing if it is sound.

    Args:
        case: as a layout lists it.
        dataset_dir: folder that its paths are relative to.
        load: the preprocessing of a training.
    """
    item = {key: value for key, value in case.items() if key != "missing_label"}
    item = absolute_paths({**item, "supervision": FINE if "label" in item else UNLABELLED}, dataset_dir)
    try:
        load(item)
    except Exception as error:  # noqa: BLE001 - whatever a training would end in is a finding
        return [_finding(item, first_cause(error))]
    return []


def _finding(item: Mapping[str, Any], error: BaseException) -> Finding:
    message = str(error) if isinstance(error, DataError | LabelValueError) else f"{type(error).__name__}: {error}"
    files = [str(file) for file in (*volume_files(item["image"]), item.get("label")) if file]
    named = [file for file in files if message.startswith(f"{file}: ")]
    file = named[0] if named else files[0]
    return Finding("fatal", file, message.removeprefix(f"{file}: "))

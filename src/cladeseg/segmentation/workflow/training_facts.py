"""What is known of how weights were trained, from the files that lie beside them; for the heads of pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.files import read_json
from cladeseg.segmentation.data import load_datalist, volumes_by_structure
from cladeseg.segmentation.workflow.held_out import split_of
from cladeseg.taxonomy import FINE, UNLABELLED

_OF_RECORD = ("versions", "commit", "hardware", "seconds", "peak_memory_mb", "peak_gpu_memory_mb")


def training_facts(weights: Path) -> dict[str, Any]:
    """``trained_on`` in words, ``training_volumes`` of each structure in ml, and ``training``, what made the weights.

    Args:
        weights: a file; its split and the record of its run are looked for where runs and bundles have them.

    Raises:
        DataError: one of these files is damaged.
    """
    split = split_of(weights)
    content = {} if split is None else load_datalist(split)
    return {
        "trained_on": _in_words(content) if content else "",
        "training_volumes": volumes_by_structure(content.get("training", ())),
        "training": _training(weights),
    }


def _training(weights: Path) -> dict[str, Any]:
    file = RunFolder(weights.parent.parent).record
    record = read_json(file) if weights.parent.name == "models" and file.is_file() else {}
    if not isinstance(record, Mapping):
        return {}
    settings = record.get("settings")
    seed = settings.get("seed") if isinstance(settings, Mapping) else None
    known = {} if seed is None else {"seed": seed}
    return {**known, **{name: record[name] for name in _OF_RECORD if name in record}}


def _in_words(split: Mapping[str, Any]) -> str:
    kinds = Counter(case["supervision"] for case in split["training"])
    parts = [f"{count} {kind if kind in {FINE, UNLABELLED} else f'coarse ({kind})'}" for kind, count in kinds.items()]
    held = ", ".join(f"{len(split[part])} {part}" for part in ("validation", "test") if split.get(part))
    trained = f"{' + '.join(parts)} cases"
    return f"{trained}; held out: {held}" if held else trained

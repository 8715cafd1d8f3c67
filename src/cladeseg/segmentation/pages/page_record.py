"""``report.json``: what a page says besides scores, so that it can be made again without the data."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import torch

from cladeseg.bundle.run_folder import versions
from cladeseg.files import DataError, read_json
from cladeseg.taxonomy import Taxonomy, TaxonomyError, parse_taxonomy

RECORD = "report.json"
#: Folder of the cases that are shown, beside the record.
CASES = "cases"
PAGE = "report.html"
FORMAT = 1


def tree_content(taxonomy: Taxonomy) -> dict[str, Any]:
    """A tree with its colours as plain values, which :func:`~cladeseg.taxonomy.parse_taxonomy` reads."""
    nodes = [{**e, "colour": colour_of(taxonomy, v)} for v, e in enumerate(taxonomy.entries)]
    return {"name": taxonomy.name, "nodes": nodes, "allowed_flips": list(taxonomy.allowed_flips)}


def colour_of(taxonomy: Taxonomy, v: int) -> str:
    """``#rrggbb`` of a node."""
    return "#" + "".join(f"{int(part):02x}" for part in taxonomy.colours[v])


def made_by() -> dict[str, Any]:
    """Versions, command, hardware and peak memory of this process."""
    return {
        "versions": versions(),
        "commit": _commit(),
        "command": sys.argv,
        "hardware": _hardware(),
        "peak_memory_mb": _peak_memory_mb(),
    }


def read_record(folder: Path) -> tuple[dict[str, Any], Taxonomy]:
    """The record in a folder, and its tree.

    Raises:
        DataError: it is missing, damaged or of another version.
    """
    file = folder / RECORD
    if not file.is_file():
        raise DataError(f"{file}: there is no such file; evaluate or predict again, which writes it")
    content = read_json(file)
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise DataError(f"{file}: is no record of a page of this version; evaluate or predict again")
    try:
        return dict(content), parse_taxonomy(content["taxonomy"])
    except (TaxonomyError, KeyError) as error:
        raise DataError(f"{file}: 'taxonomy' cannot be used ({error}); evaluate or predict again") from error


def _hardware() -> str:
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GiB memory"
    gpu = [torch.cuda.get_device_name()] if torch.cuda.is_available() else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ", ".join([platform.platform(terse=True), f"{platform.machine()}, {cores} cores", memory, *gpu])


def _peak_memory_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 2**20 if sys.platform == "darwin" else peak / 2**10)


def _commit() -> str:
    """The checkout's commit; empty for an installed package."""
    root = Path(__file__).parents[4]
    if not (root / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()

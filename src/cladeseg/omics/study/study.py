"""The whole study: missing cells are computed, a process per core, each kept in a small file of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from cladeseg.files import DataError, read_json, write_json
from cladeseg.omics.study.cell import CellKey, StudyPlan, run_cell

logger = logging.getLogger(__name__)

SHARES = (0.05, 0.1, 0.2, 0.5, 1.0)
#: Fine labels of this share, and a superclass for this share of the others.
COARSE_SHARE, COARSE = 0.2, 1.0
#: Ablations are of shares up to this one: parts that use unlabelled patients need some.
_FEW = 0.2
_DIGITS = 5


def study_cells(shares: Sequence[float] = SHARES, *, draws: int = 10, further: int = 5, seed: int = 0) -> list[CellKey]:
    """Every draw at every share, those with superclass labels, and the first draws of slow baselines and ablations."""
    # Where all labels are shown there is nothing to draw.
    main = [CellKey(share, draw, seed) for draw in range(draws) for share in shares if share < 1 or not draw]
    coarse = [CellKey(COARSE_SHARE, draw, seed, COARSE) for draw in range(draws)]
    few = [share for share in shares if share <= _FEW] or list(shares)
    wanted = (("ablations", few), ("slow", shares))
    parts = [(p, d, share) for d in range(further) for p, each in wanted for share in each if share < 1 or not d]
    return [*main, *coarse, *(CellKey(share, draw, seed, part=part) for part, draw, share in parts)]


def run_study(plan: StudyPlan, cells: Sequence[CellKey], folder: str | Path, *, workers: int = 2) -> pd.DataFrame:
    """Compute what is missing and return all results; kill it at any time and call it again.

    Args:
        plan: what all cells share.
        cells: which.
        folder: one JSON file for each.
        workers: processes at a time.

    Raises:
        DataError: a file there was made with other options.
    """
    made = made_with(plan)
    missing = [key for key in cells if not _stored(Path(folder), key, made)]
    logger.info("%d of %d cells are finished", len(cells) - len(missing), len(cells))
    for key, rows in _computed(plan, missing, workers):
        write_json({"cell": asdict(key), "settings": made, "rows": _rounded(rows)}, Path(folder) / f"{key.name}.json")
        logger.info("%s is finished", key.name)
    return read_study(folder, cells)


def read_study(folder: str | Path, cells: Sequence[CellKey]) -> pd.DataFrame:
    """Columns share, draw, seed, coarse, method, condition and scores, of the cells that are finished."""
    found = []
    for key in cells:
        file = Path(folder) / f"{key.name}.json"
        if file.is_file():
            found += [{**asdict(key), **row} for row in read_json(file)["rows"]]
    return pd.DataFrame(found)


def made_with(plan: StudyPlan) -> dict[str, Any]:
    """Settings of a cell, as its file keeps them; where the data lie does not count."""
    content = asdict(plan)
    return {name: _plain(value) for name, value in content.items() if name not in ("dataset_dir", "tree")}


def _stored(folder: Path, key: CellKey, made: dict[str, Any]) -> bool:
    file = folder / f"{key.name}.json"
    if not file.is_file():
        return False
    if read_json(file).get("settings") != made:
        raise DataError(f"{file}: was made with other settings; choose another folder, or remove it")
    return True


def _computed(
    plan: StudyPlan, cells: Sequence[CellKey], workers: int
) -> Iterator[tuple[CellKey, list[dict[str, Any]]]]:
    if workers == 1:
        yield from ((key, run_cell(plan, key)) for key in cells)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        running = {pool.submit(run_cell, plan, key): key for key in cells}
        for future in as_completed(running):
            yield running[future], future.result()


def _one_thread() -> None:
    torch.set_num_threads(1)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _rounded(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: round(v, _DIGITS) if isinstance(v, float) else v for k, v in row.items()} for row in rows]

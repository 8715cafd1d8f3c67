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
_DIGITS = 4


def study_cells(
    shares: Sequence[float] = SHARES, *, draws: int = 10, further: int | None = None, seed: int = 0
) -> list[CellKey]:
    """Every draw at every share, those with superclass labels, and slow baselines and ablations.

    Args:
        shares: of labels.
        draws: of labels.
        further: the first draws alone get slow baselines and ablations; all of them if ``None``.
        seed: of the split.
    """
    # Where all labels are shown there is nothing to draw.
    drawn = [(share, draw) for draw in range(draws) for share in shares if share < 1 or not draw]
    main = [CellKey(share, draw, seed) for share, draw in drawn]
    coarse = [CellKey(COARSE_SHARE, draw, seed, COARSE) for draw in range(draws)]
    few = [(share, draw) for share, draw in drawn if further is None or draw < further]
    more = [CellKey(share, draw, seed, part=part) for share, draw in few for part in ("slow", "ablations")]
    return [*main, *coarse, *more]


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


def read_study(folder: str | Path, cells: Sequence[CellKey] | None = None) -> pd.DataFrame:
    """Columns share, draw, seed, coarse, method, condition and scores, of the cells that are finished.

    Args:
        folder: of the cells' files.
        cells: which; all that are there if ``None``.

    Raises:
        DataError: a file is damaged.
    """
    names = [path.stem for path in sorted(Path(folder).glob("*.json"))] if cells is None else [c.name for c in cells]
    found = []
    for file in (Path(folder) / f"{name}.json" for name in names):
        if file.is_file():
            content = read_json(file)
            found += [{**content["cell"], **row} for row in content["rows"]]
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


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, _DIGITS) if isinstance(value, float) else value

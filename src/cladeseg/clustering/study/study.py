"""The whole study: missing draws are computed, each kept in a small file of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cladeseg.bundle.device import choose_device
from cladeseg.clustering.objects import ObjectSet
from cladeseg.clustering.study.draw import Draw, StudyPlan, measure_all, run_draw
from cladeseg.files import DataError, read_json, write_json

logger = logging.getLogger(__name__)

#: Similarities of pairs, kept while they are computed.
PAIR_STORE = "pqap_pairs.npz"


def study_draws(
    classes: Sequence[str], *, unseen: Sequence[Sequence[str]] = (), seeds: int = 3, draws: int = 0, left_out: int = 3
) -> list[Draw]:
    """Draws that keep back the named classes, and draws that keep back some of the others.

    Args:
        classes: of the study.
        unseen: sets of classes; each is kept back ``seeds`` times.
        seeds: trainings for each set.
        draws: further draws among classes that ``unseen`` does not name; the named ones take no part in them, so that
            whatever is decided on these draws has not seen them.
        left_out: classes that each of these keeps back.

    Raises:
        DataError: a class is not there, or too few are left to train on.

    Examples:
        >>> [draw.unseen for draw in study_draws("abcde", unseen=["e"], seeds=1, draws=1, left_out=2)]
        [('c', 'd'), ('e',)]
    """
    names = sorted(set(classes))
    named = sorted({one for group in unseen for one in group})
    stranger = next((one for one in named if one not in names), None)
    if stranger is not None:
        raise DataError(f"unseen: there is no class '{stranger}'; there are {', '.join(names)}")
    others = [one for one in names if one not in named]
    if draws and len(others) - left_out < 2:
        raise DataError(f"left_out: is {left_out} of {len(others)} classes; two must be left to train on")
    rng = np.random.default_rng(0)
    kept_back = [sorted(rng.choice(others, left_out, replace=False).tolist()) for _ in range(draws)]
    found = [Draw(number, tuple(one), tuple(named)) for number, one in enumerate(kept_back)]
    return [*found, *(Draw(seed, tuple(group)) for group in unseen for seed in range(seeds))]


def run_study(
    objects: ObjectSet, plan: StudyPlan, draws: Sequence[Draw], folder: str | Path, *, device: str = "auto"
) -> pd.DataFrame:
    """Compute what is missing and return all rows; kill it at any time and call it again.

    Args:
        objects: of the study.
        plan: what all draws share.
        draws: which.
        folder: one JSON file for each.
        device: of the twin network.

    Raises:
        DataError: a file there was made with other settings.
    """
    made = {**asdict(plan), "options": plan.options.model_dump(mode="json"), "max_pairs": list(plan.max_pairs)}
    folder = Path(folder)
    missing = [draw for draw in draws if not _stored(folder / f"{draw.name}.json", made)]
    logger.info("%d of %d draws are finished", len(draws) - len(missing), len(draws))
    if missing:
        measured = measure_all(objects, plan.options, folder / PAIR_STORE)
    for draw in missing:
        logger.info("%s: %s are kept back", draw.name, ", ".join(draw.unseen))
        found = run_draw(objects, measured, draw, plan, device=str(choose_device(device)))
        write_json({"settings": made, **asdict(draw), **found}, folder / f"{draw.name}.json")
    return read_study(folder, draws)


def read_study(folder: str | Path, draws: Sequence[Draw]) -> pd.DataFrame:
    """Rows of the draws that are finished.

    Columns: kept_back, seed, part, method, zero, the scores; of the row's objects their clusters (``numbers``),
    ``labels`` and ``sources``.
    """
    rows: list[dict[str, Any]] = []
    for draw in draws:
        file = Path(folder) / f"{draw.name}.json"
        if file.is_file():
            kind = "drawn" if draw.absent else " + ".join(draw.unseen)
            found = read_json(file)
            about = {
                part: {"labels": held["classes"], "sources": held["sources"]} for part, held in found["parts"].items()
            }
            rows += [{"kept_back": kind, "seed": draw.number, **row, **about[row["part"]]} for row in found["rows"]]
    return pd.DataFrame(rows)


def read_candidates(folder: str | Path, draws: Sequence[Draw]) -> pd.DataFrame:
    """What fewer matched pairs gave in the draws that are finished; see :func:`candidate_rows`."""
    files = [Path(folder) / f"{draw.name}.json" for draw in draws]
    return pd.DataFrame([row for file in files if file.is_file() for row in read_json(file)["candidates"]])


def _stored(file: Path, made: dict[str, Any]) -> bool:
    if not file.is_file():
        return False
    if read_json(file)["settings"] != made:
        raise DataError(f"{file}: was made with other settings; choose another output folder")
    return True

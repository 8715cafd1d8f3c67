"""A grid of pretended runs, and the results that they would leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from cladeseg.benchmark.grid import Grid, GridMethod
from cladeseg.benchmark.runs import RunKey
from cladeseg.benchmark.store import CaseRow, frame_of

REPOSITORY = Path(__file__).parents[2]
BUNDLE = REPOSITORY / "bundles" / "hippocampus_subclass_segmentation"
ABLATIONS = REPOSITORY / "configs" / "ablations"


def grid(**changes: Any) -> Grid:
    methods = (
        GridMethod(name="full", label="all fine", n=("all",), draws=(0,)),
        GridMethod(name="alone", label="fine alone"),
        GridMethod(name="ours"),
    )
    values: dict[str, Any] = {"name": "g", "bundle": BUNDLE, "methods": methods, "n": (1, 2), "draws": (0, 1)}
    values["seeds"] = (0,)
    return Grid(**{**values, "lower": "alone", "upper": "full", "ours": "ours", "phantoms": {}, **changes})


def write_grid(folder: Path, **changes: Any) -> Path:
    content = {
        "name": "g",
        "bundle": str(BUNDLE),
        "phantoms": {"cases": 8},
        "n": [1],
        "methods": [{"name": "ours"}],
        **changes,
    }
    path = folder / "grid.json"
    path.write_text(json.dumps({key: value for key, value in content.items() if value != "absent"}))
    return path


def key(method: str = "ours", n: int | str = 1, draw: int = 0, seed: int = 0, split: str = "test") -> RunKey:
    return RunKey(method=method, n=n, draw=draw, seed=seed, split=split)


def case_row(run: RunKey, case: str, dice: float | None, *, node: str = "anterior", **changes: Any) -> CaseRow:
    values = {"patient": case[0], "iou": dice, "hd95_mm": 1.0, "status": "ok", **changes}
    place = {name: getattr(run, name) for name in ("method", "n", "draw", "seed", "split")}
    return CaseRow(**place, case=case, node=node, dice=dice, **values)


def cases_of(rows: list[CaseRow]) -> pd.DataFrame:
    """Rows as a store holds them."""
    return frame_of(CaseRow, rows)

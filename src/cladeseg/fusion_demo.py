"""The demo of fusion: phantoms whose images tell some classes apart and whose expression tells others."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cladeseg.bundle.bundle_run import BundleRun, terminate_on_exit
from cladeseg.bundle.shipped import find_bundle
from cladeseg.files import read_json
from cladeseg.fusion.phantoms import FusionPhantom, write_fusion_phantom
from cladeseg.statistics import SCORES

#: The bundle that this demo is of.
BUNDLE, NAME = "histology_expression_classification", "histology"
_SETTINGS = {"settings#training#epochs": 20, "settings#genes#groups": 8}
_PATIENTS, _TILES = 80, 4
_PAUSE_S = 0.5


def run_fusion_demo(output: str | Path, *, seed: int = 0, console: Console | None = None) -> dict[str, Any]:
    """Generate phantoms, cross-validate fusion and its baselines, and print their scores.

    Args:
        output: folder of the demo; what is finished in it is kept.
        seed: of phantoms, folds and training.
        console: to print on.

    Returns:
        What ``metrics.json`` holds.

    Raises:
        CommandError: a bundle command failed.
    """
    output, console = Path(output).absolute(), console or Console()
    if not (output / "data" / "labels.csv").is_file():
        write_fusion_phantom(output / "data", FusionPhantom(seed=seed, patients=_PATIENTS, tiles=_TILES))
    run = BundleRun(
        bundle=find_bundle(BUNDLE),
        root=output / "R",
        label="fusion",
        options={"seed": seed, "folds": 3, "dataset_dir": output / "data"},
        training=_SETTINGS,
        evaluating=_SETTINGS,
        always={},
    )
    with terminate_on_exit([run]), console.status("joining histology and expression") as status:
        while (stage := run.advance()) != "done":
            status.update(f"{stage}; {run.log} says more")
            time.sleep(_PAUSE_S)
    scores = read_json(run.scores)
    console.print(scores_table(scores))
    console.print(Text(scores["statement"]))
    console.print(f"page: {run.folder.evaluation / 'report.html'}", soft_wrap=True)
    return scores


def scores_table(scores: dict[str, Any]) -> Table:
    """Fusion and every baseline, means over the folds."""
    table = Table(title=f"{scores['patients']} phantoms, each predicted by a training without them")
    for column in ("method", "macro-F1", "MCC", "PR-AUC", "AUC", "ECE"):
        table.add_column(column, justify="left" if column == "method" else "right")
    for name, one in {"fusion": scores, **scores["baselines"]}.items():
        table.add_row(Text(name), *(f"{one['mean'][score]['mean']:.3f}" for score in SCORES))
    return table

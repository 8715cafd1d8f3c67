"""The demo of clustering: phantoms of kinds that training sees, and of kinds that it does not, as a contact sheet."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cladeseg.bundle.bundle_run import BundleRun, terminate_on_exit
from cladeseg.bundle.shipped import find_bundle
from cladeseg.clustering.pages import SHEET
from cladeseg.clustering.phantoms import write_phantoms
from cladeseg.files import read_json

#: The bundle that this demo is of.
BUNDLE = "organoid_clustering"
#: A small twin network would cost more than all the rest, and two draws more say little on phantoms.
_SETTINGS = {"settings#split#test": 0.0, "settings#model#zero#folds": 4}
_PAUSE_S = 0.5


def run_organoid_demo(output: str | Path, *, seed: int = 0, console: Console | None = None) -> dict[str, Any]:
    """Generate phantoms, train, and score the clusters of kinds that no training saw.

    Args:
        output: folder of the demo; what is finished in it is kept.
        seed: of phantoms and training.
        console: to print on.

    Returns:
        The scores.

    Raises:
        CommandError: a bundle command failed.
    """
    output, console = Path(output).absolute(), console or Console()
    phantoms = output / "phantoms"
    if not (phantoms / "unseen" / "labels.csv").is_file():
        write_phantoms(phantoms, seen=10, unseen=4, each=8, seed=seed)
    run = BundleRun(
        bundle=find_bundle(BUNDLE),
        root=output / "R",
        label="clustering",
        options={"seed": seed},
        training={"dataset_dir": phantoms / "seen", **_SETTINGS},
        evaluating={"dataset_dir": phantoms / "unseen"},
    )
    with terminate_on_exit([run]), console.status("comparing phantoms") as status:
        while (stage := run.advance()) != "done":
            status.update(f"{stage}; {run.log} says more")
            time.sleep(_PAUSE_S)
    scores = read_json(run.scores)
    console.print(scores_table(scores))
    console.print(f"contact sheet: {output / 'R' / SHEET}", soft_wrap=True)
    console.print(f"page:          {run.folder.evaluation / 'report.html'}", soft_wrap=True)
    return scores


def scores_table(scores: dict[str, Any]) -> Table:
    """Each method alone and all together, with the raw and the centred zero."""
    classes = len(scores["unseen_classes"])
    table = Table(title=f"{scores['objects']} objects of {classes} kinds that no training saw")
    for column in ("methods", "zero", "VI (bits)", "Rand", "F1 join", "clusters"):
        table.add_column(column)
    for name, zeros in scores["variants"].items():
        for kind, one in zeros.items():
            mark = " *" if name == scores["variant"] and kind == "centred" else ""
            joined = "–" if one["f1_join"] is None else f"{one['f1_join']:.3f}"
            row = (f"{one['vi_bits']:.3f}", f"{one['rand']:.3f}", joined, str(one["clusters"]))
            table.add_row(name + mark, kind, *row)
    table.caption = "* chosen on training kinds that were left out"
    return table

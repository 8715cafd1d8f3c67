"""The demo of pre-training: an encoder from phantoms without labels, then one fine case beside scratch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cladeseg.bundle.bundle_run import BundleRun, terminate_on_exit
from cladeseg.bundle.shipped import find_bundle, shipped_config
from cladeseg.files import read_json, write_json
from cladeseg.pretraining.pages import PAGE, PRETRAINED, SCRATCH
from cladeseg.segmentation.phantoms import write_msd_phantoms

#: The bundle that this demo is of, and the name that people type.
BUNDLE, NAME = "heterogeneous_pretraining", "pretraining"
_CASES = 36
_SETTINGS = {"settings#data#patch_size": [32, 40, 32], "settings#network#filters": 8}
_EPOCHS = 6
_PAUSE_S = 0.5


class PretrainingRun(BundleRun):
    """A pre-training with its evaluation."""

    _ALWAYS: Mapping[str, Any] = {"resume": True}

    @property
    def scores(self) -> Path:
        """The probe and the fine-tuning."""
        return self.folder.evaluation / "evaluation.json"


def run_pretraining_demo(
    output: str | Path, *, epochs: int | None = None, seed: int = 0, console: Console | None = None
) -> Path:
    """Generate phantoms, pre-train without labels, fine-tune on one fine case, show the features.

    Args:
        output: folder of the demo; what is finished in it is kept.
        epochs: of the pre-training; a few if ``None``.
        seed: of phantoms, split, weights and training.
        console: to print on.

    Returns:
        The page of the evaluation.

    Raises:
        CommandError: a bundle command failed.
    """
    output, console = Path(output).absolute(), console or Console()
    phantoms = output / "phantoms"
    write_msd_phantoms(phantoms, cases=_CASES, seed=seed)
    run = demo_run(output, phantoms, epochs=_EPOCHS if epochs is None else epochs, seed=seed)
    with terminate_on_exit([run]), console.status("pre-training on phantoms") as status:
        while (stage := run.advance()) != "done":
            status.update(f"{stage}; {run.log} says more")
            time.sleep(_PAUSE_S)
    console.print(scores_table(read_json(run.scores)))
    console.print(f"training: {output / 'run' / PAGE}", soft_wrap=True)
    console.print(f"page:     {run.folder.evaluation / PAGE}", soft_wrap=True)
    return run.folder.evaluation / PAGE


def demo_run(output: Path, phantoms: Path, *, epochs: int, seed: int) -> PretrainingRun:
    """The commands of the demo; the settings that they share are written as an overlay.

    Args:
        output: folder of the demo.
        phantoms: the images.
        epochs: of the pre-training.
        seed: of everything.
    """
    overlay = output / "overlay.json"
    write_json({**_SETTINGS, "epochs": epochs}, overlay)
    fine_tuning = {"fine_cases": [1], "overlays": [str(shipped_config("demos/hippocampus.json"))]}
    return PretrainingRun(
        bundle=find_bundle(BUNDLE),
        root=output / "run",
        label="pre-training",
        overlays=[overlay],
        options={"dataset_dir": phantoms, "seed": seed},
        evaluating=fine_tuning,
    )


def scores_table(found: Mapping[str, Any]) -> Table:
    """Mean leaf Dice from scratch and from the encoder."""
    table = Table(title="mean leaf Dice of the test phantoms")
    for column in ("fine cases", "from scratch", "pre-trained", "difference"):
        table.add_column(column, justify="right")
    for row in found["fine_tuning"]:
        scratch, pretrained = row[SCRATCH], row[PRETRAINED]
        cells = (f"{scratch:.3f}", f"{pretrained:.3f}", f"{pretrained - scratch:+.3f}")
        table.add_row(str(row["fine_cases"]), *cells)
    return table

"""The demo: phantoms, the same network trained with and without coarse labels side by side, one table."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cladeseg.bundle.bundle_run import BundleRun, terminate_on_exit
from cladeseg.files import DataError, read_json, write_json
from cladeseg.report import metrics_markdown, metrics_table
from cladeseg.segmentation.phantoms import write_acdc_phantoms, write_brats_phantoms, write_msd_phantoms
from cladeseg.taxonomy import load_taxonomy

#: 18 patients are split into 12 for training, 2 for validation and 4 for test.
PHANTOMS: Mapping[str, Any] = {"patients": 18, "shape": (64, 64, 8), "spacing": (3.0, 3.0, 9.0)}
BRATS_PHANTOMS: Mapping[str, Any] = {"subjects": 18}
HIPPOCAMPUS_PHANTOMS: Mapping[str, Any] = {"cases": 36}
_PAUSE_S = 1.0


@dataclass(frozen=True)
class DemoPlan:
    """What is asked for, and where everything lies.

    Args:
        output: folder of the demo.
        bundle: one of the shipped bundles; the overlays are expected in ``configs`` two folders above it.
        epochs: of both trainings; the overlay's if ``None``.
        seed: of phantoms, split, weights and training.
    """

    output: Path
    bundle: Path
    epochs: int | None = None
    seed: int = 0

    @property
    def phantoms(self) -> Path:
        """Folder of the drawn patients."""
        return self.output / "phantoms"

    @property
    def task(self) -> str:
        """``acdc``, ``brats`` or ``hippocampus``."""
        return self.bundle.name.removesuffix("_subclass_segmentation")

    @property
    def overlay(self) -> Path:
        """Settings of both trainings."""
        return self.bundle.parents[1] / "configs" / "demos" / f"{self.task}.json"

    @property
    def fine_only_overlay(self) -> Path:
        """What the second training leaves out."""
        return self.bundle.parents[1] / "configs" / "ablations" / "fine_only.json"

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Content of the overlay with the epochs asked for."""
        settings = read_json(self.overlay)
        return settings if self.epochs is None else {**settings, "epochs": self.epochs}

    @property
    def request(self) -> dict[str, Any]:
        """Everything that decides the outcome: finished work of another request is not taken for this one's."""
        return {"seed": self.seed, "settings": self.settings, "fine_only": read_json(self.fine_only_overlay)}


class Method(BundleRun):
    """One training of the demo with its evaluation.

    Args:
        plan: the demo.
        name: of its folder in the demo's output.
        label: of its columns in the table.
        overlays: configs on top of the bundle's training config.
    """

    def __init__(self, plan: DemoPlan, name: str, label: str, overlays: list[Path]) -> None:
        self.plan = plan
        super().__init__(
            bundle=plan.bundle,
            root=plan.output / name,
            label=label,
            overlays=overlays,
            options={"dataset_dir": plan.phantoms, "seed": plan.seed},
            training={"epochs": plan.settings["epochs"]},
        )


def run_demo(plan: DemoPlan, console: Console | None = None) -> Path:
    """Draw phantoms, train with and without coarse labels, score both on the same held-out patients, show the table.

    Running it again goes on where it stopped and keeps what is finished.

    Returns:
        The Markdown file with the table.

    Raises:
        DataError: the bundle is not there, the folder holds another demo, or a command failed.
    """
    console, begun = console or _console(), time.monotonic()
    _claim(plan)
    _draw_phantoms(plan)
    methods = demo_methods(plan)
    console.print(f"{PHANTOMS['patients']} phantom patients are in {plan.phantoms}", soft_wrap=True)
    _follow(methods, console)
    return _report(plan, methods, console, time.monotonic() - begun)


def _console() -> Console:
    """A log file has no width of its own; the table needs about this much to stay in one piece."""
    console = Console()
    return console if console.is_terminal else Console(width=130)


def demo_methods(plan: DemoPlan) -> list[Method]:
    """Ours, and the same network on the finely labelled patients alone."""
    fine, coarse = plan.settings["fine_patients"], plan.settings["coarse_patients"]
    ours = Method(plan, "fine_and_coarse", f"{fine} fine + {coarse} coarse", [plan.overlay])
    return [ours, Method(plan, "fine_only", f"{fine} fine alone", [plan.overlay, plan.fine_only_overlay])]


def _claim(plan: DemoPlan) -> None:
    if not (plan.bundle / "configs" / "train.json").is_file():
        raise DataError(f"{plan.bundle}: is no bundle to train; name it with --bundle")
    path = plan.output / "request.json"
    if not path.is_file():
        write_json(plan.request, path)
        return
    stored, wanted = read_json(path), json.loads(json.dumps(plan.request))
    for key in wanted:
        if stored.get(key) != wanted[key]:
            raise DataError(
                f"{path}: another '{key}' was asked for then; choose another --output, or delete the folder"
            )


def _draw_phantoms(plan: DemoPlan) -> None:
    if not plan.phantoms.exists():
        # Elsewhere first: half a set of phantoms, left by an interruption, would be refused the next time.
        with tempfile.TemporaryDirectory(prefix="drawing.", dir=plan.output) as draft:
            _write_phantoms(plan, Path(draft, "phantoms"))
            Path(draft, "phantoms").rename(plan.phantoms)
    _write_phantoms(plan, plan.phantoms)  # refuses what is not this very set


def _write_phantoms(plan: DemoPlan, folder: Path) -> None:
    if plan.task == "brats":
        write_brats_phantoms(folder, seed=plan.seed, **BRATS_PHANTOMS)
    elif plan.task == "hippocampus":
        write_msd_phantoms(folder, seed=plan.seed, **HIPPOCAMPUS_PHANTOMS)
    else:
        write_acdc_phantoms(folder, seed=plan.seed, **PHANTOMS)


def _follow(methods: list[Method], console: Console) -> None:
    """Run all methods at once, each with a line of progress, until every one is done."""
    columns = (
        "{task.description}",
        BarColumn(),
        "{task.fields[state]}",
        TimeElapsedColumn(),
        "left",
        TimeRemainingColumn(),
    )
    with Progress(*(TextColumn(c) if isinstance(c, str) else c for c in columns), console=console) as progress:
        lines = [progress.add_task(m.label, total=m.plan.settings["epochs"] + 1, state="") for m in methods]
        with terminate_on_exit(methods):
            unfinished = methods
            while unfinished:
                unfinished = [m for m, line in zip(methods, lines, strict=True) if not _show(m, progress, line)]
                time.sleep(_PAUSE_S if unfinished else 0)


def _show(method: Method, progress: Progress, line: TaskID) -> bool:
    """Bring one line up to date; whether the method is done."""
    stage, row = method.advance(), method.history()
    epoch = int(row.get("epoch", 0))
    loss = f", loss {float(row['train_loss']):.3f}" if stage == "training" and row else ""
    state = f"epoch {epoch} of {method.plan.settings['epochs']}{loss}" if stage == "training" else stage
    if not progress.console.is_terminal and progress.tasks[line].fields["state"] != state:
        progress.console.print(f"{method.label}: {state}")
    progress.update(line, completed=epoch + (stage == "done"), state=state)
    return stage == "done"


def _report(plan: DemoPlan, methods: list[Method], console: Console, seconds: float) -> Path:
    taxonomy = load_taxonomy("configs/taxonomy.json", plan.bundle)
    ours, alone = (read_json(method.scores) for method in methods)
    title = f"{ours['cases']} held-out volumes of {ours['patients']} phantom patients"
    labels = (methods[0].label, methods[1].label)
    console.print(metrics_table(ours, title=title, baseline=alone, labels=labels, taxonomy=taxonomy))
    lines = [f"* {method.label}: {method.folder.root}, pictures in {method.folder.evaluation}" for method in methods]
    lines.append(f"* {seconds / 60:.1f} minutes in this call")
    table = metrics_markdown(dict(zip(labels, (ours, alone), strict=True)), taxonomy)
    page = plan.output / "demo.md"
    page.write_text(_PAGE.format(title=title, table=table, lines="\n".join(lines), **plan.settings), encoding="utf-8")
    console.print("\n".join([*lines, f"* this table: {page}"]), soft_wrap=True)
    return page


_PAGE = """# cladeseg demo: {title}

{table}
Both trainings share phantoms, split, network, initial weights, number of steps ({epochs} x {steps_per_epoch}), cases
per batch, schedule, augmentation and seed. The second one sees the {fine_patients} finely labelled patients alone.

{lines}
"""

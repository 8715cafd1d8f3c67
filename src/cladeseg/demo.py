"""The demo: phantoms, the same network trained with and without coarse labels side by side, one table."""

from __future__ import annotations

import json
import shlex
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cladeseg.bundle.bundle_run import BundleRun, terminate_on_exit
from cladeseg.bundle.shipped import find_bundle, shipped_config
from cladeseg.files import DataError, read_json, write_json
from cladeseg.report import metrics_markdown, metrics_table
from cladeseg.segmentation.pages import PAGE, write_report
from cladeseg.segmentation.phantoms import PHANTOMS, task_of, write_phantoms
from cladeseg.taxonomy import load_taxonomy

_PAUSE_S = 1.0


@dataclass(frozen=True)
class DemoPlan:
    """What is asked for, and where everything lies.

    Args:
        output: folder of the demo.
        bundle: one of the shipped bundles, by name, or the folder of a copy that has kept its name.
        epochs: of both trainings; the overlay's if ``None``.
        seed: of phantoms, split, weights and training.
    """

    output: Path
    bundle: str | Path = "acdc"
    epochs: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "output", self.output.absolute())  # the commands run in the bundle's folder

    @cached_property
    def bundle_folder(self) -> Path:
        """Where both trainings run; nothing is written there."""
        return find_bundle(self.bundle)

    @property
    def phantoms(self) -> Path:
        """Folder of the generated patients."""
        return self.output / "phantoms"

    @property
    def task(self) -> str:
        """``acdc``, ``brats``, ``hippocampus`` or ``myops``."""
        return task_of(self.bundle_folder)

    @property
    def overlay(self) -> Path:
        """Settings of both trainings."""
        return shipped_config(f"demos/{self.task}.json")

    @property
    def fine_only_overlay(self) -> Path:
        """What the second training leaves out."""
        return shipped_config("ablations/fine_only.json")

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Content of the overlay with the epochs asked for."""
        settings = read_json(self.overlay)
        return settings if self.epochs is None else {**settings, "epochs": self.epochs}

    @property
    def steps_per_epoch(self) -> int:
        """Of both trainings."""
        return self.settings["settings#optimizer#steps_per_epoch"]

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
            bundle=plan.bundle_folder,
            root=plan.output / name,
            label=label,
            overlays=overlays,
            options={"dataset_dir": plan.phantoms, "seed": plan.seed},
            training={"epochs": plan.settings["epochs"]},
        )


def run_demo(plan: DemoPlan, console: Console | None = None) -> Path:
    """Generate phantoms, train with and without coarse labels, score both on the same held-out patients, show a table.

    Running it again goes on where it stopped and keeps what is finished.

    Returns:
        The Markdown file with the table.

    Raises:
        DataError: there is no such bundle or no demo of it, the folder holds another demo, or a command failed.
    """
    console, begun = console or _console(), time.monotonic()
    _claim(plan)
    _generate_phantoms(plan)
    methods = demo_methods(plan)
    console.print(f"the phantoms are in {plan.phantoms}", soft_wrap=True)
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


def _generate_phantoms(plan: DemoPlan) -> None:
    if not plan.phantoms.exists():
        # Elsewhere first: half a set of phantoms, left by an interruption, would be refused the next time.
        with tempfile.TemporaryDirectory(prefix="generating.", dir=plan.output) as draft:
            _write_phantoms(plan, Path(draft, "phantoms"))
            Path(draft, "phantoms").rename(plan.phantoms)
    _write_phantoms(plan, plan.phantoms)  # refuses what is not this very set


def _write_phantoms(plan: DemoPlan, folder: Path) -> None:
    write_phantoms(plan.task, folder, seed=plan.seed, **PHANTOMS[plan.task])


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
    taxonomy = load_taxonomy("configs/taxonomy.json", plan.bundle_folder)
    ours, alone = (read_json(method.scores) for method in methods)
    title = f"{ours['cases']} held-out volumes of {ours['patients']} phantom patients"
    labels = (methods[0].label, methods[1].label)
    console.print(metrics_table(ours, title=title, baseline=alone, labels=labels, taxonomy=taxonomy))
    lines = [f"* {method.label}: {method.folder.evaluation / PAGE}" for method in methods]
    comparison = write_report([method.folder.root for method in reversed(methods)], plan.output / "comparison.html")
    lines += [f"* both compared: {comparison}", f"* {seconds / 60:.1f} minutes in this call"]
    table = metrics_markdown(dict(zip(labels, (ours, alone), strict=True)), taxonomy)
    page = plan.output / "demo.md"
    page.write_text(_page(plan, title, table, lines), encoding="utf-8")
    console.print("\n".join([*lines, f"* this table: {page}", "", *_next_steps(plan, methods[0])]), soft_wrap=True)
    return page


def _next_steps(plan: DemoPlan, ours: Method) -> list[str]:
    """What somebody who has seen the demo may type."""
    images, masks = shlex.quote(str(plan.phantoms)), shlex.quote(str(plan.output / "masks"))
    weights = shlex.quote(str(ours.folder.weights))
    return [
        "Try next (the pages open in any browser):",
        f"  cladeseg predict {images} {masks} --bundle {plan.task} --weights {weights}",
        "  cladeseg check D --taxonomy tree.json     your own data in D; docs/how-to/own-data.md explains tree.json",
        "  cladeseg new-bundle mine --taxonomy tree.json --dataset D",
    ]


def _page(plan: DemoPlan, title: str, table: str, lines: list[str]) -> str:
    return _PAGE.format(
        title=title,
        table=table,
        lines="\n".join(lines),
        epochs=plan.settings["epochs"],
        steps=plan.steps_per_epoch,
        fine=plan.settings["fine_patients"],
    )


_PAGE = """# cladeseg demo: {title}

{table}
Both trainings share phantoms, split, network, initial weights, number of steps ({epochs} x {steps}), cases
per batch, schedule, augmentation and seed. The second one sees the {fine} finely labelled patients alone.

{lines}
"""

"""The demo: phantoms, the same network trained with and without coarse labels side by side, one table."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.data import write_acdc_phantoms
from cladeseg.errors import DataError
from cladeseg.files import read_json, write_json
from cladeseg.report import metrics_markdown, metrics_table
from cladeseg.taxonomy import load_taxonomy

#: 18 patients are split into 12 for training, 2 for validation and 4 for test.
PHANTOMS: Mapping[str, Any] = {"patients": 18, "shape": (64, 64, 8), "spacing": (3.0, 3.0, 9.0)}
_PAUSE_S = 1.0
_TAIL_LINES = 15


@dataclass(frozen=True)
class DemoPlan:
    """What is asked for, and where everything lies.

    Args:
        output: folder of the demo.
        bundle: the ACDC bundle; the overlays are expected in ``configs`` two folders above it.
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
    def overlay(self) -> Path:
        """Settings of both trainings."""
        return self.bundle.parents[1] / "configs" / "demo.json"

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


class Method:
    """One training with its evaluation: two bundle commands, one after the other, in a process of their own.

    Args:
        plan: the demo.
        name: of its folder in the demo's output.
        label: of its columns in the table.
        overlays: configs on top of the bundle's training config.
    """

    def __init__(self, plan: DemoPlan, name: str, label: str, overlays: list[Path]) -> None:
        self.plan = plan
        self.label = label
        self.folder = RunFolder(plan.output / name)
        self.files = ["configs/train.json", *map(str, overlays)]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the commands write."""
        return Path(self.folder.root) / "train.log"

    @property
    def scores(self) -> Path:
        """The evaluation's summary, written last."""
        return self.folder.evaluation / "metrics.json"

    @property
    def stage(self) -> str:
        """``training``, ``evaluating`` or ``done``, judged by the files: work that was finished earlier is kept."""
        if not self.folder.description.is_file():
            return "training"
        return "done" if self.scores.is_file() else "evaluating"

    def command(self, stage: str) -> list[str]:
        """The bundle command of a stage."""
        evaluating = stage == "evaluating"
        options: dict[str, Any] = {
            "config_file": [*self.files, "configs/evaluate.json"] if evaluating else self.files,
            "dataset_dir": self.plan.phantoms,
            "output_dir": self.folder.root,
            "seed": self.plan.seed,
        }
        if not evaluating:
            options |= {"epochs": self.plan.settings["epochs"], "promote": False, "resume": True}
        flags = [part for key, value in options.items() for part in (f"--{key}", str(value))]
        return [sys.executable, "-m", "monai.bundle", "run", stage, *flags]

    def start(self, stage: str) -> None:
        """Start the command of a stage."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            # One core each: two trainings that both take every core are slower than one after the other.
            self.process = subprocess.Popen(
                self.command(stage),
                cwd=self.plan.bundle,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        """End the command if it still runs; what it stored is gone on from the next time."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def advance(self) -> str:
        """Start whatever is next once nothing runs any more, and return the stage.

        Raises:
            DataError: the command failed; the message ends with the last lines of its log.
        """
        stage = self.stage
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return stage
            self.process = None
            if code:
                raise DataError(f"{self.log}: {self.label}: exit code {code}; its last lines are\n{_tail(self.log)}")
        if stage != "done":
            self.start(stage)
        return stage

    def history(self) -> dict[str, str]:
        """The latest epoch's row of losses and scores; empty before the first."""
        if not self.folder.history.is_file():
            return {}
        with self.folder.history.open(newline="", encoding="utf-8") as file:
            return ([{}, *csv.DictReader(file)])[-1]


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
            write_acdc_phantoms(Path(draft, "phantoms"), seed=plan.seed, **PHANTOMS)
            Path(draft, "phantoms").rename(plan.phantoms)
    write_acdc_phantoms(plan.phantoms, seed=plan.seed, **PHANTOMS)  # refuses what is not this very set


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
        before = signal.signal(signal.SIGTERM, _exit)  # by itself it would leave the trainings running
        lines = [progress.add_task(m.label, total=m.plan.settings["epochs"] + 1, state="") for m in methods]
        try:
            unfinished = methods
            while unfinished:
                unfinished = [m for m, line in zip(methods, lines, strict=True) if not _show(m, progress, line)]
                time.sleep(_PAUSE_S if unfinished else 0)
        finally:
            for method in methods:
                method.stop()
            signal.signal(signal.SIGTERM, before)


def _exit(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


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


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])

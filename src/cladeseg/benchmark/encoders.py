"""The encoders that a grid's methods start from, each made once for a seed before any of them is fine-tuned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from cladeseg.benchmark.grid import Grid
from cladeseg.benchmark.run_work import finish
from cladeseg.benchmark.runs import RunKey, encoder_folder, settings_of
from cladeseg.bundle.bundle_run import BundleRun, CommandError, terminate_on_exit
from cladeseg.bundle.settings import flat
from cladeseg.bundle.shipped import find_bundle
from cladeseg.files import DataError, read_json, write_json
from cladeseg.pretraining.workflow.task_bundle import merged, taken_over
from cladeseg.segmentation.workflow.plan import settings_with
from cladeseg.tasks import IN_PROCESS, End, Machines, Task, missing_tasks, run_tasks

#: The bundle that makes them.
BUNDLE = "heterogeneous_pretraining"


class EncoderRun(BundleRun):
    """A pre-training, which ends with its weights: what it is worth, the grid's own runs show."""

    _ALWAYS: Mapping[str, Any] = {"resume": True}

    @property
    def stage(self) -> str:
        """``training`` or ``done``, judged by the files."""
        return "done" if self.folder.description.is_file() else "training"


@dataclass(frozen=True)
class EncoderWork:
    """Makes the encoder that a run starts from.

    Attributes:
        grid: the benchmark.
        output: folder of the benchmark.
        dataset_dir: the data.
    """

    grid: Grid
    output: Path
    dataset_dir: Path

    def task(self, key: RunKey) -> Task:
        """The pre-training as one of many tasks; it is done where its description lies, which is written last."""
        run = encoder_run(self.grid, key, output=self.output, dataset_dir=self.dataset_dir)
        return Task(run.label, key, run.folder.description)

    def __call__(self, key: RunKey) -> None:
        """Pre-train; the files are the training's own.

        Raises:
            DataError: it failed; the message is how it ended, and the last thing that it said.
        """
        try:
            finish(encoder_run(self.grid, key, output=self.output, dataset_dir=self.dataset_dir))
        except CommandError as error:
            raise DataError(error.summary) from error


def pretrain_encoders(
    work: EncoderWork, keys: Sequence[RunKey], *, machines: Machines = IN_PROCESS, console: Console | None = None
) -> list[End]:
    """Make every encoder that is missing, each once for all runs that start from it.

    The folder ``pretraining/NAME_sSEED`` gets it.  Its images are those of the seed's split but for the test cases; no
    draw of fine cases has a say, since no label is read unless the recipe asks for superclass outlines.

    Args:
        work: what makes one.
        keys: the grid's runs that are missing.
        machines: where.
        console: where it is said which ones are made.

    Returns:
        How each that was missing ended; the runs that would have started from one that failed will fail too.

    Raises:
        DataError: one that is there was made with other settings.
    """
    asked = [work.task(key) for key in keys if work.grid.method(key.method).pretraining is not None]
    missing, console = missing_tasks({task.name: task for task in asked}.values()), console or Console()
    if missing:
        console.print(f"pre-training {', '.join(task.name for task in missing)}", markup=False, soft_wrap=True)
    ends = []
    with terminate_on_exit([]):
        for end in run_tasks(work, missing, machines):
            ends.append(end)
            said = "made" if end.message is None else f"failed, the others go on: {end.message}"
            console.print(f"pre-training {end.task.name}: {said}", markup=False, soft_wrap=True)
    return ends


def encoder_run(grid: Grid, key: RunKey, *, output: Path, dataset_dir: Path) -> EncoderRun:
    """The command that makes the encoder of a run; its settings are written into its folder.

    Raises:
        DataError: the folder holds an encoder of other settings; the message names one of them.
    """
    root, recipe = encoder_folder(grid, key, output), grid.pretrainings[str(grid.method(key.method).pretraining)]
    settings = {**encoder_settings(grid, key), **recipe}
    request = json.loads(json.dumps({**settings, "dataset_dir": str(dataset_dir), "seed": key.seed}))
    file = root / "request.json"
    stored = read_json(file) if file.is_file() else request
    for name in sorted(stored.keys() | request.keys()):
        if stored.get(name) != request.get(name):
            raise DataError(
                f"{file}: '{name}' was {stored.get(name)!r} and is now {request.get(name)!r}; methods that share a "
                "pre-training have one network and split; choose another name for this one, or another --output"
            )
    write_json(request, file)
    write_json(settings, root / "overlay.json")
    return EncoderRun(
        bundle=find_bundle(BUNDLE),
        root=root,
        label=root.name,
        overlays=[root / "overlay.json"],
        options={"dataset_dir": dataset_dir, "seed": key.seed, "task": grid.bundle},
    )


def encoder_settings(grid: Grid, key: RunKey) -> dict[str, Any]:
    """Keys of the pre-training config that make its network, images and split those of a run."""
    layout = {} if grid.layout is None else {"settings#data#layout": grid.layout}
    settings = settings_with(grid.bundle, {**settings_of(grid, key), **layout})
    values = merged(taken_over(settings), {"optimizer": {"learning_rate": settings.optimizer.learning_rate}})
    return {
        "amp": settings.amp,
        **{f"settings#{name.replace('.', '#')}": value for name, value in flat(values).items()},
    }

"""The encoders that a grid's methods start from, each made once for a seed before any of them is fine-tuned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from cladeseg.benchmark.grid import Grid
from cladeseg.benchmark.runs import RunKey, encoder_folder, settings_of
from cladeseg.bundle.bundle_run import BundleRun, terminate_on_exit
from cladeseg.bundle.settings import flat
from cladeseg.bundle.shipped import find_bundle
from cladeseg.files import DataError, read_json, write_json
from cladeseg.pretraining.workflow.task_bundle import merged, taken_over
from cladeseg.segmentation.workflow.plan import settings_with

#: The bundle that makes them.
BUNDLE = "heterogeneous_pretraining"


class EncoderRun(BundleRun):
    """A pre-training, which ends with its weights: what it is worth, the grid's own runs show."""

    _ALWAYS: Mapping[str, Any] = {"resume": True}

    @property
    def stage(self) -> str:
        """``training`` or ``done``, judged by the files."""
        return "done" if self.folder.description.is_file() else "training"


def pretrain_encoders(
    grid: Grid, keys: Sequence[RunKey], *, output: Path, dataset_dir: Path, console: Console | None = None
) -> None:
    """Make every encoder that is missing.

    The folder ``pretraining/NAME_sSEED`` gets it.  Its images are those of the seed's split but for the test cases; no
    draw of fine cases has a say, since no label is read unless the recipe asks for superclass outlines.

    Args:
        grid: the benchmark.
        keys: its runs that are missing.
        output: folder of the benchmark.
        dataset_dir: the data.
        console: where it is said which ones are made.

    Raises:
        DataError: one that is there was made with other settings, or a pre-training failed.
    """
    for key in keys:
        if grid.method(key.method).pretraining is None:
            continue
        run = encoder_run(grid, key, output=output, dataset_dir=dataset_dir)
        if run.stage == "done":
            continue
        if console is not None:
            console.print(f"pre-training {run.label}", markup=False)
        with terminate_on_exit([run]):
            while run.advance() != "done":
                if run.process is not None:
                    run.process.wait()


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

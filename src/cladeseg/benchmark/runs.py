"""The runs of a grid: each is one folder, one training and one evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cladeseg.benchmark.grid import SELECT, Budget, Grid
from cladeseg.benchmark.nnunet.environment import VARIABLE, NnunetEnvironment
from cladeseg.benchmark.nnunet.job import NnunetJob
from cladeseg.benchmark.nnunet.options import nnunet_record, obeyed
from cladeseg.benchmark.nnunet.run import NnunetRun
from cladeseg.bundle.bundle_run import BundleRun
from cladeseg.bundle.settings import flat
from cladeseg.files import DataError, read_json, write_json
from cladeseg.pretraining.workflow import ENCODER
from cladeseg.segmentation.workflow.plan import settings_with


@dataclass(frozen=True, kw_only=True)
class RunKey:
    """One point of the grid.

    Attributes:
        method: its name.
        n: number of finely labelled patients, or ``"all"``.
        draw: which patients those are; 0 where they are selected.
        seed: of split, weights and training.
        split: the part that was scored.
    """

    method: str
    n: Budget
    draw: int
    seed: int
    split: str

    @property
    def name(self) -> str:
        """Name of the run's folder: the same training, whichever part is scored."""
        return f"{self.method}_n{self.n}_d{self.draw}_s{self.seed}"


def run_folder(output: Path, key: RunKey) -> Path:
    """Folder of a run in that of the benchmark."""
    return output / "runs" / key.name


def run_label(grid: Grid, key: RunKey) -> str:
    """What people call a run."""
    which = "selected patients" if grid.method(key.method).patients == SELECT else f"draw {key.draw}"
    return f"{grid.labels[key.method]}, n = {key.n}, {which}, seed {key.seed}"


def planned_runs(grid: Grid) -> list[RunKey]:
    """All runs in the order in which they start: the methods side by side, so that a part of a grid is a fair one."""
    keys = [
        RunKey(method=method.name, n=n, draw=draw, seed=seed, split=grid.split)
        for method in grid.methods
        for n in grid.budgets_of(method.name)
        for draw, seed in grid.draws_and_seeds(method.name, n)
    ]
    place = {name: i for i, name in enumerate(grid.labels)}
    return sorted(keys, key=lambda key: (key.seed, key.draw, str(key.n), place[key.method]))


def settings_of(grid: Grid, key: RunKey) -> dict[str, Any]:
    """What a run changes in the bundle's training config: overlays and overrides, the method's after the grid's.

    For nnU-Net these are the ones that decide the cases.
    """
    method = grid.method(key.method)
    settings: dict[str, Any] = {}
    for overlays, overrides in ((grid.overlays, grid.overrides), (method.overlays, method.overrides)):
        for file in overlays:
            settings |= read_json(file)
        settings |= overrides
    settings = {**settings, "fine_patients": key.n}
    return settings if method.nnunet is None else obeyed(settings)


def chosen_patients(output: Path, key: RunKey) -> list[str] | None:
    """What ``cladeseg select`` proposed for a run's split and number of patients; ``None`` if it was not asked yet."""
    path = choice_file(output, key)
    return list(read_json(path)["patients"]) if path.is_file() else None


def choice_file(output: Path, key: RunKey) -> Path:
    """Where the choice of the runs with this seed and number of patients is kept."""
    return output / "selections" / f"s{key.seed}" / f"n{key.n}" / "choice.json"


def refuse_changes(grid: Grid, keys: Sequence[RunKey], *, output: Path, dataset_dir: Path) -> None:
    """Stop unless every run that was begun in ``output`` was begun with these settings.

    A run whose patients are still to be selected is passed over.

    Raises:
        DataError: one was not; the message names its folder and the setting.
    """
    for key in keys:
        path = run_folder(output, key) / "request.json"
        if path.is_file() and not _unchosen(grid, key, output):
            _refuse_difference(path, read_json(path), _request(grid, key, output, dataset_dir))


def recorded_settings(grid: Grid, key: RunKey, *, output: Path, dataset_dir: Path) -> dict[str, Any]:
    """All settings of a run's training, without the paths of one machine: they are kept with its result.

    For nnU-Net these are its options and what decides the cases.

    Raises:
        DataError: the run's patients were not selected yet.
    """
    _refuse_unchosen(grid, key, output)
    settings = settings_with(grid.bundle, {**_training_settings(grid, key, output), **_axes(grid, key)})
    where = {"bundle": grid.bundle.name, "dataset": dataset_dir.name}
    values, options = json.loads(settings.model_dump_json()), grid.method(key.method).nnunet
    return {**where, **pretraining_of(grid, key), **(values if options is None else nnunet_record(values, options))}


def refuse_stale(file: Path, recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Stop unless a result was made with the settings that the run would have today.

    A setting that one of the two does not know came or went since: what is new has its default, which changes nothing.

    Args:
        file: of the result.
        recorded: its settings.
        wanted: those of :func:`recorded_settings`.

    Raises:
        DataError: a setting differs; the message names the file and the setting.
    """
    before, now = flat(recorded), flat(wanted)
    for name in sorted(before.keys() & now.keys()):
        if before[name] != now[name]:
            raise DataError(
                f"{file}: '{name}' was {before[name]!r} and is now {now[name]!r}; restore the setting, or delete this "
                "file so that the run is made again"
            )


def bundle_run(
    grid: Grid, key: RunKey, *, output: Path, dataset_dir: Path, nnunet: NnunetEnvironment | None = None
) -> BundleRun:
    """The commands of a run; its settings are written into its folder, where the commands read them.

    Args:
        grid: the benchmark.
        key: which run.
        output: folder of the benchmark.
        dataset_dir: the data.
        nnunet: where nnU-Net is, for methods that need it.

    Raises:
        DataError: the folder holds a run with other settings, or the run's patients were not selected yet, or nnU-Net
            is needed and not there.
    """
    _refuse_unchosen(grid, key, output)
    refuse_changes(grid, [key], output=output, dataset_dir=dataset_dir)
    root = run_folder(output, key)
    write_json(_request(grid, key, output, dataset_dir), root / "request.json")
    label = run_label(grid, key)
    settings, options = _training_settings(grid, key, output), grid.method(key.method).nnunet
    if options is not None:
        job = NnunetJob(
            bundle=grid.bundle,
            dataset_dir=dataset_dir,
            settings={**settings, **_axes(grid, key)},
            split=key.split,
            environment=_required(grid, key, nnunet).folder,
            options=options,
        )
        return NnunetRun(job, root=root, label=label)
    # A file, because nested values do not survive the command line of python-fire.
    write_json(settings, root / "overlay.json")
    return BundleRun(
        bundle=grid.bundle,
        root=root,
        label=label,
        overlays=[root / "overlay.json"],
        options={"dataset_dir": dataset_dir, **_axes(grid, key)},
        training=_start(grid, key, output),
        evaluating={"split": key.split},
    )


def pretraining_of(grid: Grid, key: RunKey) -> dict[str, Any]:
    """What is kept of the pre-training that a run starts from; empty without one."""
    name = grid.method(key.method).pretraining
    return {} if name is None else {"pretraining": {"name": name, **grid.pretrainings[name]}}


def encoder_folder(grid: Grid, key: RunKey, output: Path) -> Path:
    """Folder of the pre-training that a run starts from."""
    return output / "pretraining" / f"{grid.method(key.method).pretraining}_s{key.seed}"


def _start(grid: Grid, key: RunKey, output: Path) -> dict[str, Any]:
    """The option of the training that names the encoder.

    Raises:
        DataError: it was not made yet.
    """
    if grid.method(key.method).pretraining is None:
        return {}
    encoder = encoder_folder(grid, key, output) / "models" / ENCODER
    if not encoder.is_file():
        raise DataError(f"{encoder}: is not there; the pre-training of '{key.method}' comes first")
    return {"pretrained": encoder}


def refuse_without_nnunet(grid: Grid, keys: Sequence[RunKey], nnunet: NnunetEnvironment | None) -> None:
    """Stop where a run needs nnU-Net and nobody said where it is.

    Raises:
        DataError: the message names the method and the way to say it.
    """
    for key in keys:
        if grid.method(key.method).nnunet is not None:
            _required(grid, key, nnunet)


def _required(grid: Grid, key: RunKey, nnunet: NnunetEnvironment | None) -> NnunetEnvironment:
    if nnunet is None:
        raise DataError(
            f"{grid.name}: method '{key.method}' needs nnU-Net v2; name its environment's folder with --nnunet-env or "
            f"{VARIABLE} ('make nnunet-env' makes one)"
        )
    return nnunet


def _axes(grid: Grid, key: RunKey) -> dict[str, Any]:
    """Keys of the training config that the grid's own axes set."""
    layout = {} if grid.layout is None else {"settings#data#layout": grid.layout}
    return {"seed": key.seed, "settings#split#draw": key.draw, **layout}


def _unchosen(grid: Grid, key: RunKey, output: Path) -> bool:
    return grid.method(key.method).patients == SELECT and not choice_file(output, key).is_file()


def _refuse_unchosen(grid: Grid, key: RunKey, output: Path) -> None:
    if _unchosen(grid, key, output):
        raise DataError(f"{choice_file(output, key)}: is not there; select the patients of '{key.method}' first")


def _training_settings(grid: Grid, key: RunKey, output: Path) -> dict[str, Any]:
    """The settings with the names of the fine patients, where they are selected, in place of their number."""
    settings = settings_of(grid, key)
    selected = grid.method(key.method).patients == SELECT
    return {**settings, "fine_patients": chosen_patients(output, key)} if selected else settings


def _request(grid: Grid, key: RunKey, output: Path, dataset_dir: Path) -> dict[str, Any]:
    """Everything that the grid decides about a training, as JSON holds it."""
    where = {"bundle": str(grid.bundle), "dataset_dir": str(dataset_dir), "layout": grid.layout}
    options = grid.method(key.method).nnunet
    other = {} if options is None else {"nnunet": options.model_dump(mode="json")}
    first = pretraining_of(grid, key)
    return json.loads(json.dumps({**_training_settings(grid, key, output), **first, **other, **where}))


def _refuse_difference(path: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    for name in sorted(stored.keys() | wanted.keys()):
        if stored.get(name) != wanted.get(name):
            raise DataError(
                f"{path}: '{name}' was {stored.get(name)!r} and is now {wanted.get(name)!r}; "
                "choose another --output, or delete this run's folder and its rows"
            )

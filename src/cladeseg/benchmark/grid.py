"""The grid of a benchmark: which methods are trained on how many fine labels, with which draws and seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, Field, JsonValue

from cladeseg.benchmark.nnunet.options import NnunetOptions
from cladeseg.bundle.settings import SettingsError, SettingsGroup, read_settings
from cladeseg.files import DataError, read_json
from cladeseg.segmentation.workflow.plan import settings_with

#: How the fine patients of a method are found.
DRAW: Final = "draw"
SELECT: Final = "select"
#: Set by the grid's own axes: an overlay or override of them would compare something else than the table says.
_AXES = (
    "dataset_dir",
    "output_dir",
    "settings#data#layout",
    "settings#split#draw",
    "seed",
    "promote",
    "resume",
    "pretrained",
)
#: The same of a pre-training: the network and the split are the segmentation's.
_OF_THE_TASK = ("task", "stop_after", "bundle_root")
_OF_THE_NETWORK = ("settings#data", "settings#network", "settings#split")
_T = TypeVar("_T")


def _without_repetition(entries: tuple[_T, ...]) -> tuple[_T, ...]:
    if len(set(entries)) < len(entries):
        raise ValueError("names something twice")
    return entries


#: Number of finely labelled patients, or all of them.
Budget: TypeAlias = Annotated[int, Field(ge=1)] | Literal["all"]
_Number = Annotated[int, Field(ge=0)]
_Several = Annotated[tuple[_T, ...], Field(min_length=1), AfterValidator(_without_repetition)]


class GridMethod(SettingsGroup):
    """One line of the figure."""

    name: str
    """In files and tables; letters, digits, ``_``, ``-``, ``.`` and ``+``."""
    label: str = ""
    """What people read; the name if left out."""
    overlays: tuple[Path, ...] = ()
    """Configs on top of the bundle's and the grid's."""
    overrides: dict[str, JsonValue] = Field(default_factory=dict)
    """Keys of the training config, e.g. ``epochs`` or ``settings#mix#weight``, on top of the overlays."""
    n: _Several[Budget] | None = None
    """Numbers of fine patients for this method; the grid's if left out.  ``["all"]`` for full supervision."""
    draws: _Several[_Number] | None = None
    """The same for draws."""
    patients: Literal["draw", "select"] = DRAW
    """``"draw"`` for random fine patients, ``"select"`` for those that ``cladeseg select`` proposes for the split;
    these are the same each time, so that there is draw 0 alone."""
    pretraining: str | None = None
    """Name of the grid's pre-training that the method starts from."""
    nnunet: NnunetOptions | None = None
    """Train nnU-Net on the fine cases in place of the bundle's network: ``{"epochs": 5}``.  Split, draw and scored
    cases are those of the other methods; of the grid's overlays and overrides it obeys those that decide the cases."""

    def trains_like(self, other: GridMethod) -> bool:
        """Whether nothing but the choice of the fine patients can differ."""
        mine, theirs = ((each.overlays, each.overrides, each.nnunet, each.pretraining) for each in (self, other))
        return mine == theirs


class Grid(SettingsGroup):
    """A benchmark as its JSON file describes it; relative paths there are relative to that file."""

    name: str
    """Of the benchmark."""
    bundle: Path
    """The task."""
    methods: Annotated[tuple[GridMethod, ...], Field(min_length=1)]
    """What is compared."""
    n: _Several[Budget]
    """Numbers of finely labelled patients."""
    draws: _Several[_Number] = (0,)
    """Draws of those patients; where nothing is drawn, the seeds of these runs unless ``seeds`` says others."""
    seeds: _Several[_Number] | None = None
    """Of split, weights and training; by default each draw has its own: draw d has seed d."""
    dataset_dir: Path | None = None
    """The data; left out for phantoms that the runner generates."""
    layout: str | None = None
    """Of the data; the bundle's own if left out."""
    phantoms: dict[str, JsonValue] | None = None
    """Arguments of :func:`~cladeseg.segmentation.phantoms.write_msd_phantoms`, where there is no ``dataset_dir``."""
    split: Literal["test", "validation"] = "test"
    """``"validation"`` while methods are still being chosen."""
    overlays: tuple[Path, ...] = ()
    """Configs of every method."""
    overrides: dict[str, JsonValue] = Field(default_factory=dict)
    """Keys of the training config of every method."""
    pretrainings: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    """Pre-trainings by name: keys of the training config of the bundle `heterogeneous_pretraining`.  Each is made once
    for a seed, on images of that seed's split without its test cases, and shared by all methods that name it."""
    lower: str | None = None
    """Method that the others are compared with from below, e.g. fine labels only."""
    upper: str | None = None
    """Method that they are compared with from above, e.g. full supervision."""
    ours: str | None = None
    """Method whose differences to all others are listed."""
    converged: str | None = None
    """Full supervision that was trained until nothing changes, which ours is measured by at n = 1."""
    ablations: tuple[str, ...] = ()
    """Methods that are ours without a part: what it brings stands apart from what others reach."""
    records: Path | None = None
    """Folder that keeps a small file of each finished run, so that a grid goes on where only these files are left; by
    default ``records`` in the benchmark's own folder."""
    results: Path | None = None
    """Folder that gets the page of a complete grid on test cases, besides the benchmark's own folder; not where the
    installed package lies."""
    notes: tuple[str, ...] = ()
    """Sentences for the results page: what was chosen on validation cases, what the scale is."""

    def method(self, name: str) -> GridMethod:
        """The method of that name."""
        return next(method for method in self.methods if method.name == name)

    def budgets_of(self, name: str) -> tuple[Budget, ...]:
        """Numbers of fine patients of a method."""
        return self.method(name).n or self.n

    def draws_of(self, name: str) -> tuple[int, ...]:
        """Draws of a method; whose patients are selected has one."""
        method = self.method(name)
        return (0,) if method.patients == SELECT else method.draws or self.draws

    def draws_and_seeds(self, name: str, n: Budget) -> list[tuple[int, int]]:
        """Draw and seed of each run of a method with a number of fine patients."""
        method, draws = self.method(name), self.draws_of(name)
        if self.seeds is not None:
            return [(draw, seed) for draw in draws for seed in self.seeds]
        if method.patients == SELECT or n == "all":  # the luck of the split and of the weights is left
            return [(0, seed) for seed in method.draws or self.draws]
        return [(draw, draw) for draw in draws]

    @property
    def labels(self) -> dict[str, str]:
        """Name → label of every method, in the grid's order."""
        return {method.name: method.label or method.name for method in self.methods}


def read_grid(path: str | Path) -> Grid:
    """Read a grid and check it.

    Raises:
        DataError: an unknown or missing key, a value of another kind, an override that the bundle's training config
            does not have, or a file that is not there; the message names the file and the key.
    """
    path, content = Path(path), read_json(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: should be an object with name, bundle, methods and n")
    for i, entry in enumerate(content["methods"] if isinstance(content.get("methods"), list) else ()):
        if isinstance(entry, dict):  # each by itself, so that a message names its place
            read_settings(GridMethod, entry, source=_place(path, i, entry.get("name")))
    grid = _with_absolute_paths(read_settings(Grid, content, source=str(path)), path.parent)
    _check(grid, path)
    return grid


def _place(path: Path, i: int, name: Any) -> str:
    return f"{path}: methods[{i}]" + (f" '{name}'" if name else "")


_Described = TypeVar("_Described", Grid, GridMethod)


def _with_absolute_paths(described: _Described, folder: Path) -> _Described:
    """The same with its paths, which are relative to the grid's folder, made absolute."""
    found: dict[str, Any] = {}
    for key, value in described:
        if isinstance(value, Path):
            found[key] = (folder / value).resolve()
        elif key == "overlays":
            found[key] = tuple((folder / each).resolve() for each in value)
        elif key == "methods":
            found[key] = tuple(_with_absolute_paths(each, folder) for each in value)
    return described.model_copy(update=found)


# ---- checking --------------------------------------------------------------------------------------------------------


def _check(grid: Grid, path: Path) -> None:
    if not (grid.bundle / "configs" / "train.json").is_file():
        raise DataError(f"{path}: bundle: {grid.bundle} is no bundle to train")
    if (grid.dataset_dir is None) == (grid.phantoms is None):
        raise DataError(f"{path}: give either 'dataset_dir' or 'phantoms'")
    _check_names(grid, path)
    _check_settings(grid.overlays, grid.overrides, grid.bundle, str(path))
    for i, method in enumerate(grid.methods):
        _check_patients(grid, method, _place(path, i, method.name))
        _check_nnunet(method, _place(path, i, method.name))
        _check_pretraining(grid, method, _place(path, i, method.name))
        _check_settings(method.overlays, method.overrides, grid.bundle, _place(path, i, method.name))


def _check_names(grid: Grid, path: Path) -> None:
    names = [method.name for method in grid.methods]
    for name in (grid.name, *names):
        if not re.fullmatch(r"[\w.+-]+", name):
            raise DataError(f"{path}: name '{name}' should consist of letters, digits, _, -, . and +")
        if names.count(name) > 1:
            raise DataError(f"{path}: methods: '{name}' is there twice")
    single = [(key, getattr(grid, key)) for key in ("lower", "upper", "ours", "converged")]
    for key, name in [*single, *(("ablations", name) for name in grid.ablations)]:
        if name not in (None, *names):
            raise DataError(f"{path}: {key}: no method '{name}'; there are {', '.join(names)}")


def _check_patients(grid: Grid, method: GridMethod, place: str) -> None:
    if method.patients != SELECT:
        return
    if method.draws not in (None, (0,)):
        raise DataError(f"{place}: draws: {list(method.draws or ())} should be [0]; nothing is drawn where we select")
    if "all" in grid.budgets_of(method.name):
        raise DataError(f"{place}: n: 'all' leaves nothing to select; name numbers of patients")


def _check_nnunet(method: GridMethod, place: str) -> None:
    if method.nnunet is not None and (method.overlays or method.overrides):
        raise DataError(f"{place}: nnunet: takes no overlays or overrides, which are settings of the bundle's network")


def _check_pretraining(grid: Grid, method: GridMethod, place: str) -> None:
    if method.pretraining is None:
        return
    if method.pretraining not in grid.pretrainings:
        known = ", ".join(grid.pretrainings) or "none"
        raise DataError(
            f"{place}: pretraining: there is no '{method.pretraining}' in 'pretrainings'; there are {known}"
        )
    if method.nnunet is not None:
        raise DataError(f"{place}: pretraining: nnU-Net starts from weights of its own; leave it out")
    for key in grid.pretrainings[method.pretraining]:
        if key in _AXES or key in _OF_THE_TASK or key.startswith(_OF_THE_NETWORK):
            raise DataError(f"{place}: pretraining: '{key}' is set by the grid itself")


def _check_settings(overlays: Sequence[Path], overrides: Mapping[str, Any], bundle: Path, place: str) -> None:
    for source, settings in [*((str(file), read_json(file)) for file in overlays), (f"{place}: overrides", overrides)]:
        for key in settings:
            if key in _AXES:
                raise DataError(f"{source}: '{key}' is set by the grid itself")
        try:
            settings_with(bundle, settings)
        except SettingsError as error:
            raise SettingsError(f"{source}: {error}") from error

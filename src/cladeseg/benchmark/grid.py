"""The grid of a benchmark: which methods are trained on how many fine labels, with which draws and seeds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cladeseg.bundle.settings import SettingsError
from cladeseg.files import DataError, read_json
from cladeseg.segmentation.workflow.plan import settings_with

#: Number of finely labelled patients, or all of them.
Budget = int | str
_PARTS = ("test", "validation")
#: How the fine patients of a method are found.
DRAW, SELECT = "draw", "select"
#: Set by the grid's own axes: an overlay or override of them would compare something else than the table says.
_AXES = ("dataset_dir", "output_dir", "settings#data#layout", "settings#split#draw", "seed", "promote", "resume")


@dataclass(frozen=True, kw_only=True)
class GridMethod:
    """One line of the figure.

    Attributes:
        name: in files and tables; letters, digits, ``_``, ``-``, ``.`` and ``+``.
        label: what people read; the name if left out.
        overlays: configs on top of the bundle's and the grid's.
        overrides: top-level keys of the training config, on top of the overlays.
        n: numbers of fine patients for this method; the grid's if ``None``.  ``("all",)`` for full supervision.
        draws: the same for draws.
        patients: ``"draw"`` for random fine patients, ``"select"`` for those that ``cladeseg select`` proposes for the
            split; these are the same each time, so that there is draw 0 alone.
    """

    name: str
    label: str = ""
    overlays: tuple[Path, ...] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    n: tuple[Budget, ...] | None = None
    draws: tuple[int, ...] | None = None
    patients: str = DRAW

    def trains_like(self, other: GridMethod) -> bool:
        """Whether nothing but the choice of the fine patients can differ."""
        return (self.overlays, self.overrides) == (other.overlays, other.overrides)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A benchmark as its JSON file describes it; relative paths there are relative to that file.

    Attributes:
        name: of the benchmark.
        bundle: the task.
        methods: what is compared.
        n: numbers of finely labelled patients.
        draws: draws of those patients within the split; the split is the seed's.
        seeds: of split, weights and training.
        dataset_dir: the data; ``None`` for phantoms that the runner draws.
        layout: of the data; the bundle's own if ``None``.
        phantoms: arguments of :func:`~cladeseg.segmentation.phantoms.write_msd_phantoms`, where there is no
            ``dataset_dir``.
        split: ``"test"``, or ``"validation"`` while methods are still being chosen.
        overlays: configs of every method.
        overrides: top-level keys of the training config of every method.
        lower: method that the others are compared with from below, e.g. fine labels only.
        upper: method that they are compared with from above, e.g. full supervision.
        ours: method whose differences to all others are listed.
        converged: full supervision that was trained until nothing changes, which ours is measured by at n = 1.
        ablations: methods that are ours without a part: what it brings is told apart from what others reach.
        results: folder that gets the page of a complete grid on test cases, besides the benchmark's own folder.
        notes: sentences for the results page: what was chosen on validation cases, what the scale is.
    """

    name: str
    bundle: Path
    methods: tuple[GridMethod, ...]
    n: tuple[Budget, ...]
    draws: tuple[int, ...] = (0,)
    seeds: tuple[int, ...] = (0,)
    dataset_dir: Path | None = None
    layout: str | None = None
    phantoms: Mapping[str, Any] | None = None
    split: str = "test"
    overlays: tuple[Path, ...] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    lower: str | None = None
    upper: str | None = None
    ours: str | None = None
    converged: str | None = None
    ablations: tuple[str, ...] = ()
    results: Path | None = None
    notes: tuple[str, ...] = ()

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
    path = Path(path)
    content = _table(read_json(path), Grid, str(path), needed=("name", "bundle", "methods", "n"))
    methods = _list(content["methods"], f"{path}: methods")
    content["methods"] = tuple(_method(entry, f"{path}: methods[{i}]", path.parent) for i, entry in enumerate(methods))
    grid = Grid(**_values(content, str(path), path.parent))
    _check(grid, str(path))
    return grid


def _method(entry: Any, where: str, folder: Path) -> GridMethod:
    return GridMethod(**_values(_table(entry, GridMethod, where, needed=("name",)), where, folder))


def _table(content: Any, kind: type, where: str, needed: Sequence[str]) -> dict[str, Any]:
    """A copy of a JSON object that has the needed keys and no unknown one."""
    if not isinstance(content, dict):
        raise DataError(f"{where}: should be an object with {', '.join(needed)}")
    known = [each.name for each in fields(kind)]
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise DataError(f"{where}: unknown key '{key}'; did you mean '{near}'?")
    for key in needed:
        if key not in content:
            raise DataError(f"{where}: needs '{key}'")
    return dict(content)


def _values(content: Mapping[str, Any], where: str, folder: Path) -> dict[str, Any]:
    """JSON values as the fields hold them."""
    return {
        key: value if value is None else _value(key, value, f"{where}: {key}", folder) for key, value in content.items()
    }


def _value(key: str, value: Any, where: str, folder: Path) -> Any:
    if key in ("overlays", "n", "draws", "seeds", "notes", "ablations"):
        return tuple(_entry(key, each, where, folder) for each in _list(value, where))
    if key in ("bundle", "dataset_dir", "results"):
        return (folder / _of(value, where, str)).resolve()
    if key in ("overrides", "phantoms"):
        return _of(value, where, dict)
    return value if key == "methods" else _of(value, where, str)


def _entry(key: str, value: Any, where: str, folder: Path) -> Any:
    """One entry of a list."""
    if key in ("draws", "seeds"):
        return _at_least(value, 0, where)
    if key == "n":
        return value if value == "all" else _at_least(value, 1, where)
    text = _of(value, where, str)
    return (folder / text).resolve() if key == "overlays" else text


def _of(value: Any, where: str, *kinds: type) -> Any:
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise DataError(f"{where}: {value!r} should be {' or '.join(kind.__name__ for kind in kinds)}")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise DataError(f"{where}: {value!r} should be a list with entries")
    if len({str(each) for each in value}) < len(value):
        raise DataError(f"{where}: {value!r} names something twice")
    return value


def _at_least(value: Any, least: int, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise DataError(f"{where}: {value!r} is not a whole number of at least {least}")
    return value


# ---- checking --------------------------------------------------------------------------------------------------------


def _check(grid: Grid, where: str) -> None:
    if not (grid.bundle / "configs" / "train.json").is_file():
        raise DataError(f"{where}: bundle: {grid.bundle} is no bundle to train")
    if grid.split not in _PARTS:
        raise DataError(f"{where}: split: '{grid.split}' is neither {' nor '.join(_PARTS)}")
    if (grid.dataset_dir is None) == (grid.phantoms is None):
        raise DataError(f"{where}: give either 'dataset_dir' or 'phantoms'")
    _check_names(grid, where)
    _check_patients(grid, where)
    _check_settings(grid.overlays, grid.overrides, grid.bundle, where)
    for i, method in enumerate(grid.methods):
        _check_settings(method.overlays, method.overrides, grid.bundle, f"{where}: methods[{i}] '{method.name}'")


def _check_names(grid: Grid, where: str) -> None:
    names = [method.name for method in grid.methods]
    for name in (grid.name, *names):
        if not re.fullmatch(r"[\w.+-]+", name):
            raise DataError(f"{where}: name '{name}' should consist of letters, digits, _, -, . and +")
        if names.count(name) > 1:
            raise DataError(f"{where}: methods: '{name}' is there twice")
    single = [(key, getattr(grid, key)) for key in ("lower", "upper", "ours", "converged")]
    for key, name in [*single, *(("ablations", name) for name in grid.ablations)]:
        if name not in (None, *names):
            raise DataError(f"{where}: {key}: no method '{name}'; there are {', '.join(names)}")


def _check_patients(grid: Grid, where: str) -> None:
    for i, method in enumerate(grid.methods):
        at = f"{where}: methods[{i}] '{method.name}'"
        if method.patients not in (DRAW, SELECT):
            raise DataError(f"{at}: patients: '{method.patients}' is neither '{DRAW}' nor '{SELECT}'")
        if method.patients == SELECT and method.draws not in (None, (0,)):
            raise DataError(f"{at}: draws: {list(method.draws or ())} should be [0]; nothing is drawn where we select")
        if method.patients == SELECT and "all" in grid.budgets_of(method.name):
            raise DataError(f"{at}: n: 'all' leaves nothing to select; name numbers of patients")


def _check_settings(overlays: Sequence[Path], overrides: Mapping[str, Any], bundle: Path, where: str) -> None:
    for source, settings in [*((str(file), read_json(file)) for file in overlays), (f"{where}: overrides", overrides)]:
        for key in settings:
            if key in _AXES:
                raise DataError(f"{source}: '{key}' is set by the grid itself")
        try:
            settings_with(bundle, settings)
        except SettingsError as error:
            raise SettingsError(f"{source}: {error}") from error

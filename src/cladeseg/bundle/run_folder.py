"""The folder of one run: what lies where, and the rule that nothing in it is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cladeseg.bundle.provenance import made_by, peak_gpu_memory_mb, peak_memory_mb
from cladeseg.bundle.settings import SettingsGroup, flat
from cladeseg.bundle.trained_tree import check_tree, tree_record
from cladeseg.files import DataError, read_json, remove_leftovers, write_json
from cladeseg.taxonomy import Taxonomy

logger = logging.getLogger(__name__)

#: What :func:`add_use` adds up in the record.
_USED = ("seconds", "peak_memory_mb", "peak_gpu_memory_mb")
#: Locks that this process holds: one that nobody refers to any more would be released.
_HELD: dict[Path, FileLock] = {}


@dataclass(frozen=True)
class RunFolder:
    """Paths inside the output folder R of a run.

    Args:
        root: R itself.
    """

    root: str | Path

    def _at(self, *parts: str) -> Path:
        return Path(self.root).joinpath(*parts)

    @property
    def lock(self) -> Path:
        """Held by the process that trains into the folder."""
        return self._at(".lock")

    @property
    def datalist(self) -> Path:
        """The stored split: which case is trained, validated and tested on, and what it may show."""
        return self._at("datalist.json")

    @property
    def record(self) -> Path:
        """Settings, versions, command and machine of the training, and what it took."""
        return self._at("run.json")

    @property
    def history(self) -> Path:
        """One CSV row per epoch."""
        return self._at("history.csv")

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's folder."""
        return self._at("tensorboard")

    @property
    def state(self) -> Path:
        """The training state that ``--resume`` goes on from."""
        return self._at("checkpoints", "last.pt")

    @property
    def propagation(self) -> Path:
        """What was decided about the pseudo labels of coarse cases, and those that were refreshed."""
        return self._at("propagation")

    @property
    def models(self) -> Path:
        """Trained weights with their description."""
        return self._at("models")

    @property
    def weights(self) -> Path:
        """The weights that are shipped, for MONAI's tools: the teacher's, after the last epoch."""
        return self.models / "model.pt"

    @property
    def safe_weights(self) -> Path:
        """The same weights as safetensors, which our own commands open."""
        return self.models / "model.safetensors"

    @property
    def description(self) -> Path:
        """What inference must know about the weights, their validation score, and the sha256 of both files."""
        return self.models / "model.json"

    @property
    def best_weights(self) -> Path:
        """The teacher's weights at the best validation score."""
        return self.models / "best_validation.pt"

    @property
    def evaluation(self) -> Path:
        """Scores, and the page that shows them."""
        return self._at("eval")


def lock_run(run_folder: RunFolder) -> None:
    """Keep other processes from training into the folder until this one ends or :func:`unlock_run` is called.

    Raises:
        DataError: another process holds the folder, or it cannot be written.
    """
    path = run_folder.lock
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _HELD.get(path.resolve(), FileLock(path, timeout=0))
        lock.acquire()
        _HELD[path.resolve()] = lock
    except Timeout:
        raise DataError(
            f"{run_folder.root}: another process is training into this folder; wait for it, "
            "or choose another --output_dir"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error})") from error


def unlock_run(run_folder: RunFolder) -> None:
    """Let other processes train into the folder again."""
    held = _HELD.pop(run_folder.lock.resolve(), None)
    if held is not None:
        held.release(force=True)


@contextmanager
def _lock_unless_refused(run_folder: RunFolder) -> Iterator[None]:
    """Hold the folder's lock from here on, unless the block ends in an error and did not find the lock held already."""
    held = run_folder.lock.resolve() in _HELD
    lock_run(run_folder)
    try:
        yield
    except BaseException:
        if not held:
            unlock_run(run_folder)
        raise


def start_run(
    run_folder: RunFolder,
    settings: SettingsGroup,
    resume: bool = False,
    *,
    taxonomy: Taxonomy | None = None,
    free: Collection[str] = (),
    check_state: Callable[[Path], None] | None = None,
) -> None:
    """Open a run folder for training: refuse to train over another training, record what is about to happen.

    A start that is refused writes nothing, and leaves the folder to others.

    Args:
        run_folder: the folder.
        settings: everything that decides the training's outcome, besides the data.
        resume: go on from the folder's training state if there is one.
        taxonomy: the tree that is learnt, if one is.
        free: names such as ``data.num_workers`` of settings that a resumed training may have otherwise.
        check_state: further refusals of a training state that is to be resumed, given its file.

    Raises:
        DataError: the folder holds a training and ``resume`` is off, or was trained with other settings or on another
            tree, or another process is training into it.
    """
    configure_logging()
    with _lock_unless_refused(run_folder):
        if run_folder.state.is_file() and not resume:
            raise DataError(
                f"{run_folder.state}: this folder already holds a training; add --resume to go on with it, "
                "or choose another --output_dir"
            )
        if run_folder.state.is_file():
            check_same_training(_record(run_folder), settings, taxonomy, run_folder.record, free=free)
            if check_state is not None:
                check_state(run_folder.state)
        elif resume:
            logger.warning("%s: there is nothing to resume; the training starts from the beginning", run_folder.root)
        remove_leftovers(run_folder.root)
        used = _used(run_folder) if run_folder.state.is_file() else {}
        write_json({**made_with(settings, taxonomy), **made_by(), **used}, run_folder.record)


def add_use(run_folder: RunFolder, seconds: float) -> None:
    """Add the time of this process's training to the record, and the most memory that it has held.

    Args:
        run_folder: that :func:`start_run` opened; without its record nothing is written.
        seconds: of the training in this process.
    """
    if not run_folder.record.is_file():
        return
    before = _used(run_folder)
    now = {"peak_memory_mb": peak_memory_mb(), "peak_gpu_memory_mb": peak_gpu_memory_mb()}
    most = {name: max(mb, before.get(name, 0)) for name, mb in now.items() if mb is not None}
    write_json({**_record(run_folder), "seconds": before.get("seconds", 0.0) + seconds, **most}, run_folder.record)


def _used(run_folder: RunFolder) -> dict[str, Any]:
    """Time and memory that earlier processes of a training have recorded."""
    record = _record(run_folder)
    return {name: record[name] for name in _USED if isinstance(record.get(name), int | float)}


def made_with(settings: SettingsGroup, taxonomy: Taxonomy | None) -> dict[str, Any]:
    """What a run's files record of its settings and its tree, as plain values."""
    tree = {} if taxonomy is None else {"taxonomy": tree_record(taxonomy)}
    return {"settings": settings.model_dump(mode="json"), **tree}


def check_same_training(
    record: Mapping[str, Any],
    settings: SettingsGroup,
    taxonomy: Taxonomy | None,
    source: Path,
    *,
    free: Collection[str] = (),
) -> None:
    """Refuse to go on with a training that was begun with other settings or on another tree.

    Args:
        record: holds what :func:`made_with` gave when it was begun.
        settings: those of now.
        taxonomy: the tree of now.
        source: the file that the record comes from, for the message.
        free: names of settings that may differ.

    Raises:
        DataError: something differs; the message names it.
    """
    if not isinstance(record.get("settings"), Mapping):
        raise DataError(f"{source}: is damaged: it holds no 'settings'; {_WAY_OUT}")
    before, now = flat(record["settings"]), flat(settings.model_dump(mode="json"))
    for name in sorted(before.keys() | now.keys()):
        if name not in free and before.get(name) != now.get(name):
            raise DataError(
                f"{source}: '{name}' was {before.get(name)!r} and is now {now.get(name)!r}; "
                "a resumed training keeps its settings"
            )
    if taxonomy is not None:
        check_tree(record.get("taxonomy"), taxonomy, source)


_WAY_OUT = "restore it, or choose another --output_dir and train anew"


def _record(run_folder: RunFolder) -> Mapping[str, Any]:
    try:
        record = read_json(run_folder.record)
    except DataError as error:
        raise DataError(f"{error}; {_WAY_OUT}") from error
    return record if isinstance(record, Mapping) else {}


def backup_existing(path: Path) -> None:
    """Rename an existing file or folder to the first free ``NAME.1``, ``NAME.2``, … so that it is not overwritten."""
    if not path.exists():
        return
    number = 1
    while path.with_name(f"{path.name}.{number}").exists():
        number += 1
    kept = path.rename(path.with_name(f"{path.name}.{number}"))
    logger.info("%s: earlier results are kept as %s", path, kept.name)


def configure_logging() -> None:
    """Show the library's messages on the console, once, unless the application has its own logging or level."""
    library = logging.getLogger("cladeseg")
    if not logging.getLogger().handlers and not library.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        library.addHandler(handler)
    if library.level == logging.NOTSET:
        library.setLevel(logging.INFO)

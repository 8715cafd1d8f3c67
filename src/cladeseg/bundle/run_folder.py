"""The folder of one run: what lies where, and the rule that nothing in it is lost."""

from __future__ import annotations

import logging
import platform
import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import FileLock, Timeout

from cladeseg.bundle.settings import SettingsGroup, flat
from cladeseg.files import DataError, read_json, write_json

logger = logging.getLogger(__name__)

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
        """Settings, versions and command of the training."""
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
        """Scores and pictures."""
        return self._at("eval")


def lock_run(run_folder: RunFolder) -> None:
    """Keep other processes from training into the folder until this one ends or :func:`unlock_run` is called.

    Raises:
        DataError: another process holds the folder, or it cannot be written.
    """
    path = run_folder.lock
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = _HELD.setdefault(path.resolve(), FileLock(path, timeout=0))
        held.acquire()
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


def start_run(
    run_folder: RunFolder, settings: SettingsGroup, resume: bool = False, *, free: Collection[str] = ()
) -> None:
    """Open a run folder for training: refuse to train over another training, record what is about to happen.

    Args:
        run_folder: the folder.
        settings: everything that decides the training's outcome, besides the data.
        resume: go on from the folder's training state if there is one.
        free: names such as ``data.num_workers`` of settings that a resumed training may have otherwise.

    Raises:
        DataError: the folder holds a training and ``resume`` is off, or was trained with other settings, or another
            process is training into it.
    """
    configure_logging()
    lock_run(run_folder)
    if run_folder.state.is_file() and not resume:
        raise DataError(
            f"{run_folder.state}: this folder already holds a training; add --resume to go on with it, "
            "or choose another --output_dir"
        )
    if run_folder.state.is_file():
        _refuse_other_settings(run_folder.record, settings, free)
    elif resume:
        logger.warning("%s: there is nothing to resume; the training starts from the beginning", run_folder.root)
    write_json(
        {"settings": settings.model_dump(mode="json"), "versions": versions(), "command": sys.argv}, run_folder.record
    )


def _refuse_other_settings(record: Path, settings: SettingsGroup, free: Collection[str]) -> None:
    before, now = flat(read_json(record)["settings"]), flat(settings.model_dump(mode="json"))
    for name in sorted(before.keys() | now.keys()):
        if name not in free and before.get(name) != now.get(name):
            raise DataError(
                f"{record}: '{name}' was {before.get(name)!r} and is now {now.get(name)!r}; "
                "a resumed training keeps its settings"
            )


def backup_existing(path: Path) -> None:
    """Rename an existing file or folder to the first free ``NAME.1``, ``NAME.2``, … so that it is not overwritten."""
    if not path.exists():
        return
    number = 1
    while path.with_name(f"{path.name}.{number}").exists():
        number += 1
    kept = path.rename(path.with_name(f"{path.name}.{number}"))
    logger.info("%s: earlier results are kept as %s", path, kept.name)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    found = {"python": platform.python_version()}
    for package in ("cladeseg", "torch", "monai", "numpy", "nibabel", "pytorch-ignite"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def configure_logging() -> None:
    """Show the library's messages on the console, once, unless the application has its own logging or level."""
    library = logging.getLogger("cladeseg")
    if not logging.getLogger().handlers and not library.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        library.addHandler(handler)
    if library.level == logging.NOTSET:
        library.setLevel(logging.INFO)

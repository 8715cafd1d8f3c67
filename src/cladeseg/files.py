"""One error for every kind of bad input, and files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any

import psutil

#: This machine's name in those of temporary files; without a dot, which ends it.
_HOST = re.sub(r"[^A-Za-z0-9-]", "-", platform.node())[:40]
_TEMPORARY = re.compile(r"\.(?P<pid>\d+)@(?P<host>[A-Za-z0-9-]*)\..+")
_OTHER_HOST_SECONDS = 3600


class DataError(ValueError):
    """Input that cannot be used as it is; the message starts with the file, folder or case at fault."""


def first_cause(error: BaseException) -> BaseException:
    """MONAI wraps what went wrong in one 'applying transform' after the other; only the innermost says it."""
    while error.__cause__ is not None and not isinstance(error, DataError):
        error = error.__cause__
    return error


def one_line(error: BaseException, longest: int | None = None) -> str:
    r"""What an error says, without line breaks, cut after ``longest`` characters.

    Example:
        >>> one_line(ValueError("no\n  such column"), 7)
        'no such'
    """
    return " ".join(str(error).split())[:longest]


def check_choice(option: str, value: object, choices: Iterable[object]) -> None:
    """Raise a ValueError that names the option and its choices unless ``value`` is one of them."""
    known = tuple(choices)
    if value not in known:
        raise ValueError(f"option '{option}' is {value!r}; it must be one of {', '.join(map(repr, known))}")


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to, which takes the place of ``path`` once it is complete.

    A full disk, a kill or any other failure leaves what was there before, and no torn file.

    Raises:
        DataError: the file cannot be written; the message starts with the path and gives the cause.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_write(Path(folder, "new", "notes.txt")) as temporary:
        ...         _ = temporary.write_text("whole")
        ...     Path(folder, "new", "notes.txt").read_text()
        'whole'
    """
    path = Path(path)
    # In the same folder, so that replacing is one step; with the same ending, because nibabel and others go by it.
    temporary = _temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        raise DataError(f"{path}: cannot be written ({error}); what was there before is untouched") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _temporary_name(path: Path) -> Path:
    """Beside a path, under a name that says which process of which machine writes it."""
    return path.with_name(f".{os.getpid()}@{_HOST}.{path.name}")


def remove_leftovers(folder: str | Path) -> None:
    """Remove what killed processes left of :func:`atomic_write` and :func:`write_folder` in a folder and below it.

    A file stays while its process may still write it: on this machine while the process lives, on another one, which
    may share the disk, for an hour since it was last written.
    """
    _remove_if_left(Path(folder).rglob(".*@*.*"))


def _remove_if_left(paths: Iterable[Path]) -> None:
    for path in list(paths):  # all are found before the first goes
        match = _TEMPORARY.match(path.name)
        if not match or _may_be_written(path, int(match["pid"]), match["host"]):
            continue
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _may_be_written(path: Path, pid: int, host: str) -> bool:
    if host == _HOST:
        return psutil.pid_exists(pid)
    try:
        return time.time() - path.stat().st_mtime < _OTHER_HOST_SECONDS
    except OSError:
        return True


def file_stamp(path: str | Path) -> list[Any]:
    """Path, bytes and time of change in ns: another stamp, another content, without reading the file.

    Raises:
        DataError: there is no such file.
    """
    try:
        status = Path(path).stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    return [str(path), status.st_size, status.st_mtime_ns]


def write_folder(folder: str | Path, texts: Mapping[str, str]) -> None:
    """Write a folder of text files, all of them or none.

    Args:
        folder: must not exist, or be empty.
        texts: the files' texts by their paths inside it.

    Raises:
        DataError: it holds something already, or cannot be written; then nothing of it is left.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     write_folder(Path(parent, "new"), {"configs/a.json": "{}"})
        ...     Path(parent, "new", "configs", "a.json").read_text()
        '{}'
    """
    folder = Path(folder)
    temporary = _temporary_name(folder.absolute())
    _remove_if_left(temporary.parent.glob(f".*@*.{escape(folder.absolute().name)}"))
    try:
        if folder.exists() and any(folder.iterdir()):
            raise DataError(f"{folder}: is not empty; nothing is ever written over something else")
        for name, text in texts.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_text(text, encoding="utf-8", newline="\n")
        if not folder.exists():
            temporary.rename(folder)
            return
        for one in sorted(temporary.iterdir()):  # an empty folder stays the same one: somebody may stand in it
            one.rename(folder / one.name)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror or error}); nothing of it is left") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_json(content: Any, path: str | Path) -> None:
    """Write JSON as a :func:`atomic_write`; NaN and infinity are refused, as the standard has none."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def read_json(path: str | Path) -> Any:
    """Read JSON in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises:
        DataError: the file cannot be read, is no JSON, is nested too deeply, or has one key twice, of which all but
            the last would be lost.
    """
    try:
        return json.loads(Path(path).read_bytes(), object_pairs_hook=_distinct)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    except RecursionError as error:
        raise DataError(f"{path}: cannot be read (nested too deeply)") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(key, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"has the key {key[:60]!a} twice")
    return found

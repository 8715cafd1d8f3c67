"""Paths that a data set's JSON lists: read as it was written on any system, and never leaving the data's folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from cladeseg.files import DataError

_SHOWN = 60


def listed_path(value: Any, where: str, key: str) -> PurePosixPath:
    r"""The relative path that an entry names; backslashes separate folders as slashes do.

    Args:
        value: what the entry holds.
        where: the file and entry, for messages.
        key: the entry's key.

    Raises:
        DataError: it is no text, names no file, or leaves the folder.

    Example:
        >>> listed_path(r".\imagesTr\a.nii.gz", "dataset.json: training[0]", "image").as_posix()
        'imagesTr/a.nii.gz'
    """
    if not isinstance(value, str):
        raise DataError(f"{where}: '{key}' is a path, not {shown(value)}")
    if not value.strip() or not value.isprintable():
        raise DataError(f"{where}: '{key}' names no file: {shown(ascii(value))}")
    path = PurePosixPath(value.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(value).drive or ".." in path.parts:
        raise DataError(f"{where}: {key} '{value}' leaves the folder; write paths relative to it")
    return path


def listed_name(value: Any, where: str, key: str) -> str:
    """The name of a case, patient or group that an entry gives, as a text or a whole number.

    Raises:
        DataError: it is anything else, or would lead to another folder if a file were named after it.

    Example:
        >>> listed_name(7, "dataset.json: training[0]", "patient")
        '7'
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise DataError(f"{where}: '{key}' is a name, not {shown(value)}")
    if set(value) & set("/\\") or value in (".", ".."):
        raise DataError(f"{where}: {key} '{value}' is no name: it leads to another folder")
    return value


def is_there(path: Path) -> bool:
    """Whether a listed file or folder exists; a name that no file can have does not.

    Example:
        >>> is_there(Path("x" * 5000))
        False
    """
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def shown(value: Any) -> str:
    """A value as messages show it: containers by their kind, the rest in at most 60 letters.

    Example:
        >>> shown([1, 2]), shown(None), shown("a" * 100)[-4:]
        ('a list', 'nothing', 'aaa…')
    """
    if value is None:
        return "nothing"
    if isinstance(value, list | dict):
        return f"a {'list' if isinstance(value, list) else 'object'}"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

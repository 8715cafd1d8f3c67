"""One error for every kind of bad input, and files that appear whole or not at all."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


class DataError(ValueError):
    """Input that cannot be used as it is; the message starts with the file, folder or case at fault."""


def first_cause(error: BaseException) -> BaseException:
    """MONAI wraps what went wrong in one 'applying transform' after the other; only the innermost says it."""
    while error.__cause__ is not None and not isinstance(error, DataError):
        error = error.__cause__
    return error


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
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        raise DataError(f"{path}: cannot be written ({error}); what was there before is untouched") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


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

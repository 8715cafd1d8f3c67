"""One task: what it is called, what it works on, and the file that says that it is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cladeseg.files import one_line, read_json, write_json

#: How often a task is tried before it is reported.
ATTEMPTS = 3


@dataclass(frozen=True)
class Task:
    """One of many tasks that need nothing of each other.

    Attributes:
        name: what people call it, e.g. a case.
        argument: what it works on; goes to another process, so it is small.
        file: its result, which appears whole or not at all; where it lies the task is done.
    """

    name: str
    argument: Any
    file: Path


class Work(Protocol):
    """What is done with each task's argument; can be pickled, so that a worker loads it once and uses it often."""

    def __call__(self, argument: Any, /) -> Any:
        """The content of the task's JSON file; ``None`` if the work wrote the file itself."""


def missing_tasks(tasks: Iterable[Task]) -> list[Task]:
    """Those without a result, in their order.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tasks = [Task(name, None, Path(folder, f"{name}.json")) for name in "abc"]
        ...     tasks[1].file.touch()
        ...     [task.name for task in missing_tasks(tasks)]
        ['a', 'c']
    """
    return [task for task in tasks if not task.file.is_file()]


def drop_stale(tasks: Iterable[Task]) -> None:
    """Remove results that were made from something else than they would be made from today.

    Argument and result both say it under ``made_from``, e.g. stamps of files and options.

    Raises:
        DataError: a result cannot be read.
    """
    for task in tasks:
        if not task.file.is_file():
            continue
        content = read_json(task.file)
        if not isinstance(content, dict) or content.get("made_from") != task.argument["made_from"]:
            task.file.unlink()


def attempt(work: Work, task: Task) -> str | None:
    """Do a task, again if it fails, and write its result.

    Returns:
        What went wrong at the last of :data:`ATTEMPTS`, in one line; ``None`` once it is done.
    """
    error: Exception | None = None
    for _ in range(ATTEMPTS):
        try:
            content = work(task.argument)
            if content is not None:
                write_json(content, task.file)
        except Exception as caught:  # noqa: BLE001 - whatever one case does to its work, the others go on
            error = caught
        else:
            return None
    return _message(error)


def _message(error: Exception | None) -> str:
    """An error of ours says everything; of another one its kind helps."""
    text = one_line(error) if error is not None else ""
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"

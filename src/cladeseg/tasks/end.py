"""How tasks ended, and one error for those that failed, once the others are done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cladeseg.files import DataError
from cladeseg.tasks.task import Task

_SHOWN = 5


@dataclass(frozen=True)
class End:
    """A task that is done or was given up.

    Attributes:
        task: which.
        message: what went wrong at the last attempt, in one line; ``None`` if nothing did.
    """

    task: Task
    message: str | None = None


def raise_failures(ends: Sequence[End], *, way_out: str = "call the command again") -> None:
    """End with one error for all tasks that failed, if any did.

    Args:
        ends: of all tasks that were to do.
        way_out: how to do only what failed.

    Raises:
        DataError: some failed; a line for each of the first few, by name.

    Example:
        >>> from pathlib import Path
        >>> tasks = [Task(name, None, Path(f"{name}.json")) for name in "abc"]
        >>> raise_failures([End(tasks[0]), End(tasks[1], "b.nii.gz: cannot be read"), End(tasks[2])])
        Traceback (most recent call last):
        cladeseg.files.DataError: 1 of 3 failed, the others are done; call the command again to do what is missing
          b: b.nii.gz: cannot be read
    """
    failed = sorted((end.task.name, end.message) for end in ends if end.message is not None)
    if not failed:
        return
    lines = [f"  {name}: {message}" for name, message in failed[:_SHOWN]]
    if len(failed) > _SHOWN:
        lines.append(f"  and {len(failed) - _SHOWN} more")
    head = f"{len(failed)} of {len(ends)} failed, the others are done; {way_out} to do what is missing"
    raise DataError("\n".join([head, *lines]))

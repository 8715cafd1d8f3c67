"""What went wrong with single tasks, reported once the others are done."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from cladeseg.files import DataError

logger = logging.getLogger(__name__)

_SHOWN = 5


@dataclass(frozen=True)
class Failure:
    """A task that was given up.

    Attributes:
        name: of the task.
        message: what went wrong at the last attempt, in one line.
    """

    name: str
    message: str


def raise_failures(failures: Sequence[Failure], total: int, *, way_out: str = "call the command again") -> None:
    """End with one error for all tasks that failed, if any did.

    Args:
        failures: of the tasks.
        total: number of all tasks that were to do.
        way_out: how to do only what failed.

    Raises:
        DataError: some failed; a line for each of the first few.

    Example:
        >>> raise_failures([Failure("b", "b.nii.gz: cannot be read")], 3)
        Traceback (most recent call last):
        cladeseg.files.DataError: 1 of 3 failed, the others are done; call the command again to do what is missing
          b: b.nii.gz: cannot be read
    """
    if not failures:
        return
    lines = [f"  {failure.name}: {failure.message}" for failure in failures[:_SHOWN]]
    if len(failures) > _SHOWN:
        lines.append(f"  and {len(failures) - _SHOWN} more")
    head = f"{len(failures)} of {total} failed, the others are done; {way_out} to do what is missing"
    raise DataError("\n".join([head, *lines]))

"""What a command tells people while it works: messages and progress bars on one console, verbose, normal or quiet."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Item = TypeVar("Item")

#: Results go to standard output.  Messages and bars share this console, so that neither cuts the other in two.
messages = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
#: Seconds of progress that the time left is estimated from; a single case may take minutes.
_ESTIMATED_FROM_S = 3600


class MessageHandler(logging.Handler):
    """Shows log records on the console of the progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record above any bar; warnings stand out."""
        style = "yellow" if record.levelno >= logging.WARNING else None
        with _above_bars():
            messages.print(self.format(record), markup=False, style=style)


def _above_bars() -> AbstractContextManager[Any]:
    """Hides tqdm's bars for a moment; rich does so by itself."""
    if "tqdm" not in sys.modules:
        return nullcontext()
    from tqdm import tqdm

    return tqdm.external_write_mode(file=sys.stderr)


def set_verbosity(*, verbose: bool = False, quiet: bool = False) -> None:
    """Decide what the package tells from now on; results and errors are shown in any case.

    Args:
        verbose: also what is worth a line for each case.
        quiet: warnings at most, and no progress bars.

    Raises:
        typer.BadParameter: both are asked for.
    """
    if verbose and quiet:
        raise typer.BadParameter("--verbose and --quiet exclude each other")
    library = logging.getLogger("cladeseg")
    if not any(isinstance(handler, MessageHandler) for handler in library.handlers):
        handler = MessageHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        library.addHandler(handler)
    library.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    if quiet:
        _silence_tqdm()


def is_quiet() -> bool:
    """Whether progress is not to be shown."""
    return not logging.getLogger("cladeseg").isEnabledFor(logging.INFO)


def is_verbose() -> bool:
    """Whether a line for each case is wanted."""
    return logging.getLogger("cladeseg").isEnabledFor(logging.DEBUG)


def with_progress(items: Iterable[Item], what: str, *, total: int | None = None) -> Iterable[Item]:
    """The items one by one, behind a bar that says how many are done and how long the others will take.

    Args:
        items: what is done.
        what: in one word.
        total: their number, where the items do not know it.
    """
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"))
    progress = Progress(
        *columns,
        TimeRemainingColumn(),
        console=messages,
        disable=is_quiet(),
        speed_estimate_period=_ESTIMATED_FROM_S,
    )
    with progress:
        yield from progress.track(items, total=total)


def _silence_tqdm() -> None:
    """Its own switch, the variable TQDM_DISABLE, gives way to callers that pass ``disable=False``."""
    from tqdm import tqdm

    plain = tqdm.__init__

    @functools.wraps(plain)
    def silent(self: Any, *arguments: Any, **named: Any) -> None:
        plain(self, *arguments, **{**named, "disable": True})

    tqdm.__init__ = silent  # type: ignore[method-assign]

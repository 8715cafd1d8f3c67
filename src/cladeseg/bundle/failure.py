"""One clear line at the end of a failed command, instead of MONAI's account of its own plumbing."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path
from types import TracebackType

from rich.console import Console

from cladeseg.bundle.command_line import OverrideError
from cladeseg.files import DataError
from cladeseg.taxonomy import LabelValueError, TaxonomyError
from cladeseg.terminal import quieten_libraries, show_anywhere

#: Errors whose message says everything; anything else is shown with its traceback.
_SELF_EXPLAINING = (DataError, TaxonomyError, LabelValueError, OverrideError, FloatingPointError)
#: Said after Ctrl-C where a command has nothing more to say.
INTERRUPTED = "interrupted; finished epochs and masks are kept, and a training goes on with --resume True"
#: No more room, by the system's numbers.
_FULL = (errno.ENOSPC, errno.EDQUOT)
_SHOW_TRACEBACK = "CLADESEG_TRACEBACK"
_PACKAGE = Path(__file__).parents[1]


def explain_failures() -> None:
    """From now on, end an uncaught error whose message names the file, key or value with that message alone.

    MONAI wraps what a bundle's component raises into ``RuntimeError: Failed to instantiate component``, several layers
    deep.  Set the environment variable ``CLADESEG_TRACEBACK=1`` to see the traceback as well.
    """
    show_anywhere()
    quieten_libraries()
    sys.excepthook = _explain


def root_cause(error: BaseException) -> BaseException:
    """The outermost self-explaining error of a chain, which knows the most, or the error itself."""
    chain = [error]
    while (inner := chain[-1].__cause__) is not None and inner not in chain:
        chain.append(inner)
    return next((one for one in chain if _explains_itself(one)), error)


def _explains_itself(error: BaseException) -> bool:
    """One of our errors, a ``ValueError`` of our own code about an option's value, or one about a file by its name."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = bool(frames) and Path(frames[-1].filename).is_relative_to(_PACKAGE)
    return isinstance(error, _SELF_EXPLAINING) or (type(error) is ValueError and ours) or _is_about_a_file(error)


def _is_about_a_file(error: BaseException) -> bool:
    return isinstance(error, OSError) and (error.filename is not None or error.errno in _FULL)


def message_of(error: BaseException) -> str:
    """What is shown of an error that explains itself: one line, or one for each file."""
    if not isinstance(error, OSError):
        return str(error)
    reason = error.strerror or str(error)
    return reason if error.filename is None else f"{error.filename}: {reason[:1].lower()}{reason[1:]}"


def say(message: str) -> None:
    """Show an error's message: not wrapped, so that a path can be copied, and not interpreted.

    Of several processes that train together only the first one to end speaks.
    """
    if not _first_to_say():
        return
    console = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
    console.print("error:", style="bold red", end=" ")
    console.print(message, markup=False)


def _explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        say(INTERRUPTED)
        return
    cause = root_cause(error)
    explained = _explains_itself(cause)
    if not explained or os.environ.get(_SHOW_TRACEBACK):
        sys.__excepthook__(kind, error, trace)
    if explained:
        say(message_of(cause))


def _first_to_say() -> bool:
    if "torch.distributed" not in sys.modules:  # which takes seconds to load
        return True
    from cladeseg.bundle.ranks import first_to_say

    return first_to_say()

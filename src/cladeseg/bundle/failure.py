"""One clear line at the end of a failed command, instead of MONAI's account of its own plumbing."""

from __future__ import annotations

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
    """One of our errors, or a ``ValueError`` that our own code raised about an option's value."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = bool(frames) and Path(frames[-1].filename).is_relative_to(_PACKAGE)
    return isinstance(error, _SELF_EXPLAINING) or (type(error) is ValueError and ours)


def _explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    cause = root_cause(error)
    explained = _explains_itself(cause)
    if not explained or os.environ.get(_SHOW_TRACEBACK):
        sys.__excepthook__(kind, error, trace)
    if explained:
        console = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
        console.print("error:", style="bold red", end=" ")
        console.print(str(cause), markup=False)

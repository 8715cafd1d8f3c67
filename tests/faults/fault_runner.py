"""Run a command as a user does, and keep what the user sees of it."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import fire
import monai.bundle

import own_process
from cladeseg.cli import app

_PROGRAM = str(Path(monai.bundle.__file__).with_name("__main__.py"))
#: Wide enough that no table breaks a path.
_ENVIRONMENT = {"COLUMNS": "1000", "TERM": "dumb", "NO_COLOR": "1"}


@dataclass(frozen=True)
class Seen:
    """What a user sees.

    Attributes:
        code: exit code.
        out: standard output.
        err: standard error.
    """

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """The error's line, the fatal rows of a check, or the box of a misspelt option."""
        if "error: " in self.err:
            return self.err[self.err.rindex("error: ") + len("error: ") :].strip()
        rows = [line for line in self.out.splitlines() if re.match(r"│ fatal ", line)]
        cells = [[cell.strip() for cell in row.strip("│ ").split("│")] for row in rows]
        if cells:
            return "\n".join(f"{file}: {finding}" for _, file, finding in cells)
        boxed = [line.strip("│ ") for line in self.err.splitlines() if line.startswith("│")]
        return " ".join(boxed) or self.err.strip()


def run_here(words: Sequence[str], folder: Path) -> Seen:
    """Run a command in this process: ``cladeseg …``, or ``python -m monai.bundle …``."""
    out, err = io.StringIO(), io.StringIO()
    ours = words[0] == "cladeseg"
    argv = ["cladeseg", *words[1:]] if ours else [_PROGRAM, *words[3:]]
    with _as_process(argv, folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = _exit_code(ours, argv)
    return Seen(code, out.getvalue(), err.getvalue())


def run_apart(words: Sequence[str], folder: Path) -> Seen:
    """Run a command in a process of its own."""
    program = ["-c", "from cladeseg.cli import app; app()"] if words[0] == "cladeseg" else words[1:3]
    rest = words[1:] if words[0] == "cladeseg" else words[3:]
    environment = {key: value for key, value in os.environ.items() if key != "CLADESEG_TRACEBACK"}
    done = own_process.run([sys.executable, *program, *rest], cwd=folder, env={**environment, **_ENVIRONMENT})
    return Seen(done.returncode, done.stdout, done.stderr)


def _exit_code(ours: bool, argv: list[str]) -> int:
    try:
        app() if ours else fire.Fire(monai.bundle.run, command=argv[2:])
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - as the end of a process does
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        return 1
    return 0


@contextlib.contextmanager
def _as_process(argv: list[str], folder: Path) -> Iterator[None]:
    """Arguments, folder, hooks and loggers of a new process, and afterwards those of this one."""
    library = logging.getLogger("cladeseg")
    before = (list(library.handlers), library.level, Path.cwd(), list(sys.path))
    library.handlers.clear()
    os.chdir(folder)
    with (
        mock.patch.object(sys, "argv", argv),
        mock.patch.object(sys, "excepthook", _python),
        mock.patch.dict(os.environ, _ENVIRONMENT),
        warnings.catch_warnings(),
    ):
        os.environ.pop("CLADESEG_TRACEBACK", None)
        try:
            yield
        finally:
            library.handlers[:], library.level, cwd, sys.path[:] = before
            os.chdir(cwd)


def _python(kind: type[BaseException], error: BaseException, trace: object) -> None:
    print("".join(traceback.format_exception(error)), file=sys.stderr)  # noqa: T201 - as Python does

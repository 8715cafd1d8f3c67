"""Commands in processes of their own, each a fork of one that has imported the packages that cost seconds.

:func:`run` takes what :func:`subprocess.run` takes for ``python -m MODULE …`` and ``python -c CODE …``.  The process
has its own streams, folder, environment, arguments and exit code, and imports cladeseg itself.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

#: What commands have loaded when they end, and none of ours.
HEAVY = (
    "monai.bundle",
    "ignite.engine",
    "torch.utils.tensorboard",
    "torch._dynamo",
    "SimpleITK",
    "matplotlib.pyplot",
    "nibabel",
    "pandas",
    "skimage.measure",
    "skimage.segmentation",
    "sklearn.linear_model",
    "sklearn.neighbors",
    "typer.rich_utils",
)


class Request(NamedTuple):
    """One command: what it is called with, where, and the files of its output and errors."""

    words: list[str]
    cwd: str
    env: dict[str, str]
    out: str
    err: str
    timeout: float


def run(
    command: Sequence[object],
    *,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 280,
    check: bool = False,
    loaded_with: tuple[tuple[str, str], ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run ``[sys.executable, "-m" or "-c", …]`` to its end and keep what it says.

    Args:
        command: its words.
        cwd: where it runs; here if ``None``.
        env: all its variables; those of this process if ``None``.
        timeout: in seconds.
        check: whether another exit code than 0 is an error.
        loaded_with: names and values of variables that the packages read when they are loaded.

    Raises:
        subprocess.TimeoutExpired: it had to be killed after ``timeout`` seconds.
        subprocess.CalledProcessError: its exit code was not 0, and ``check`` asked.
    """
    words = [str(word) for word in command]
    assert words[0] == sys.executable
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        request = Request(words[1:], str(cwd or Path.cwd()), dict(env or os.environ), str(out), str(err), timeout)
        try:
            code = _ask(_server(loaded_with), request)
        except BaseException:  # its answer would be taken for that to the next request
            _end(_server(loaded_with))
            _server.cache_clear()
            raise
        said = [file.read_text(encoding="utf-8") for file in (out, err)]
    if code is None:
        raise subprocess.TimeoutExpired(words, timeout, *said)
    done = subprocess.CompletedProcess(words, code, *said)
    if check:
        done.check_returncode()
    return done


@cache
def _server(variables: tuple[tuple[str, str], ...]) -> subprocess.Popen[str]:
    """The process that is forked; it ends with this one."""
    words, env, pipe = [sys.executable, __file__], {**os.environ, **dict(variables)}, subprocess.PIPE
    server = subprocess.Popen(words, env=env, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[str]) -> None:
    """With the command that it may be running."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _ask(server: subprocess.Popen[str], request: Request) -> Any:
    assert server.stdin and server.stdout
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline())


# ---- the other side --------------------------------------------------------------------------------------------------


def _next_request() -> Request:
    """Answers requests until it is, in a fork, the process that must fulfil one."""
    for line in iter(sys.stdin.readline, ""):
        request = Request(*json.loads(line))
        child = os.fork()
        if not child:
            return request
        sys.stdout.write(json.dumps(_exit_code(child, request.timeout)) + "\n")
        sys.stdout.flush()
    raise SystemExit


def _exit_code(child: int, seconds: float) -> int | None:
    """Of a child that ends in time; ``None`` for one that had to be killed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _become(request: Request) -> None:
    """Streams, folder, environment and arguments of the command."""
    for stream, file, how in (
        (0, os.devnull, os.O_RDONLY),
        (1, request.out, os.O_WRONLY),
        (2, request.err, os.O_WRONLY),
    ):
        os.dup2(os.open(file, how | os.O_CREAT), stream)
    os.environ.clear()
    os.environ.update(request.env)
    encoding = request.env.get("PYTHONIOENCODING")  # which Python reads at its start
    sys.stdout.reconfigure(encoding=encoding)  # type: ignore[union-attr]
    sys.stderr.reconfigure(encoding=encoding, errors="backslashreplace")  # type: ignore[union-attr]
    os.chdir(request.cwd)
    sys.argv = ["-c", *request.words[2:]]
    sys.path[0] = request.cwd if request.words[0] == "-m" else ""


def _fulfil(words: list[str]) -> int:
    """Exit code of the command, which ends as Python does: exceptions go to the hook, and exit functions run."""
    try:
        if words[0] == "-m":
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as the end of a process does
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        code = 1
    else:
        code = 0
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    return int(bool(code)) if isinstance(code, str) else code or 0


if __name__ == "__main__":
    for name in HEAVY:
        importlib.import_module(name)
    wanted = _next_request()
    _become(wanted)
    ended = _fulfil(wanted.words)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ended)  # to take the interpreter apart page by page would cost as much as the imports

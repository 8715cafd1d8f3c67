"""MONAI Label's server as a child process: started, waited for, and stopped with all that it started."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import psutil

from cladeseg.files import DataError

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
PORT = 8000
_GRACE_SECONDS = 10


@dataclass(frozen=True)
class LabelServer:
    """A running server.

    Attributes:
        url: what a client enters.
        process: the server's own process.
        log: file with everything that it says.
    """

    url: str
    process: subprocess.Popen[bytes]
    log: Path


def server_command(app: Path, studies: Path, *, model: str, host: str, port: int) -> list[str]:
    """The command line of a server that asks nothing of the network.

    Args:
        app: the app folder.
        studies: folder of the images.
        model: name of the bundle in the app folder.
        host: address to listen on.
        port: and its port.
    """
    # Without these three, MONAI Label asks the model zoo for its list and fetches SAM2's weights at the start.
    offline = [("models", model), ("zoo_source", "local"), ("sam2", "false")]
    conf = [word for key, value in offline for word in ("--conf", key, value)]
    where = ["--app", str(app), "--studies", str(studies), "--host", host, "--port", str(port)]
    return [sys.executable, "-m", "monailabel.main", "start_server", *where, *conf]


@contextmanager
def running_server(
    app: str | Path,
    studies: str | Path,
    *,
    model: str,
    host: str = LOOPBACK,
    port: int | None = None,
    wait: float = 300,
) -> Iterator[LabelServer]:
    """Start a server, give it once it answers, and stop it and its trainings at the end.

    Args:
        app: as :func:`~cladeseg.segmentation.label.app_folder.prepare_app` makes it.
        studies: folder of the images; labels go to ``labels/final`` in it.
        model: name of the bundle.
        host: address to listen on.
        port: its port; a free one if ``None``.
        wait: seconds until it must answer.

    Raises:
        DataError: the port is taken, or the server ends or stays silent; the message shows the end of its log.
    """
    app, studies, port = Path(app).resolve(), Path(studies).resolve(), free_port(host, port)
    log = app / "logs" / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = server_command(app, studies, model=model, host=host, port=port)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}  # so that the log says at once why a start failed
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=app, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        server = LabelServer(f"http://{host}:{port}", process, log)
        _wait_until_it_answers(server, port, wait)
        yield server
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and its descendants, found by its own id; those that do not obey are killed."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        family = [*root.children(recursive=True), root]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.terminate()
        _, alive = psutil.wait_procs(family, timeout=_GRACE_SECONDS)
        for member in alive:
            with suppress(psutil.NoSuchProcess):
                member.kill()
    process.wait()


def free_port(host: str = LOOPBACK, port: int | None = None) -> int:
    """The named port (any free one for 0), or 8000, or any free one if that is taken.

    Raises:
        DataError: the named port is taken, or the host is not this machine's.
    """
    for candidate in (PORT, 0) if port is None else (port,):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError as error:
                reason = error
            else:
                return int(probe.getsockname()[1])
    raise DataError(f"{host}:{port}: cannot be listened on ({reason}); name another --port")


def _wait_until_it_answers(server: LabelServer, port: int, wait: float) -> None:
    deadline = time.monotonic() + wait
    # While it loads, another program may take its port, and answer in its place.
    while not (_listens(server.process, port) and _answers(server.url)):
        if server.process.poll() is not None:
            raise DataError(f"MONAI Label ended with code {server.process.returncode}:\n{_end_of(server.log)}")
        if time.monotonic() > deadline:
            raise DataError(f"MONAI Label did not answer for {wait:.0f} s:\n{_end_of(server.log)}")
        time.sleep(0.5)


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    with suppress(psutil.Error):
        own = psutil.Process(process.pid)
        sockets = own.net_connections("tcp") if hasattr(own, "net_connections") else own.connections("tcp")
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in sockets)
    return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/info/", timeout=60) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException):
        return False


def _end_of(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

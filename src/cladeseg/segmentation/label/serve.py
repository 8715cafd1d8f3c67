"""``cladeseg label serve``: one bundle, one folder of images, one server, and what to enter in 3D Slicer."""

from __future__ import annotations

import logging
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from cladeseg.files import DataError
from cladeseg.segmentation.label.app_folder import prepare_app, require_bundle
from cladeseg.segmentation.label.server import LOOPBACK, LabelServer, free_port, running_server
from cladeseg.segmentation.label.strategy import ConditionalEntropy
from cladeseg.segmentation.workflow import find_bundle_weights

logger = logging.getLogger(__name__)


def serve(
    bundle: str | Path,
    studies: str | Path,
    *,
    host: str = LOOPBACK,
    port: int | None = None,
    app: str | Path | None = None,
    console: Console | None = None,
) -> None:
    """Serve a bundle to MONAI Label's clients until somebody stops it (Ctrl-C or SIGTERM).

    Args:
        bundle: the bundle's folder; its ``models/`` may get better weights from trainings.
        studies: folder of NIfTI images.
        host: address to listen on; MONAI Label asks nobody for a password.
        port: its port; 8000 or a free one if ``None``.
        app: MONAI Label's app folder, with its logs; a temporary one if ``None``.
        console: where the instructions appear.

    Raises:
        DataError: MONAI Label is not installed, a folder is missing, the bundle's weights are not those of its record,
            the port is taken, or the server does not start.
    """
    folder = require_bundle(bundle)
    if not Path(studies).is_dir():
        raise DataError(f"{studies}: no such folder; it must hold the images")
    _check_weights(folder)
    console = console or Console()
    with _app_folder(app) as place, _stoppable():
        made, port = prepare_app(folder, place), free_port(host, port)
        console.print("starting MONAI Label; this takes a minute", style="dim")
        with running_server(made, studies, model=folder.name, host=host, port=port) as server:
            _watch(server, console, instructions(server, folder))


def instructions(server: LabelServer, bundle: Path) -> str:
    """What to enter in 3D Slicer, in rich's markup."""
    weights = bundle / "models" / "model.pt"
    lines = [
        f"[bold]{server.url}[/bold] serves {bundle.name}; Ctrl-C stops it, its log is {server.log}",
        "In 3D Slicer, extension MONAILabel:",
        f"  1. MONAI Label server: [bold]{server.url}[/bold], then connect",
        f"  2. Options > activelearning > strategy: [bold]{ConditionalEntropy.NAME}[/bold]; then Next Sample",
        f"  3. Auto Segmentation > model: [bold]{bundle.name}[/bold], Run; correct it; Submit Label",
        f"  4. Options > train > {bundle.name}: device and epochs; then Train",
        f"A training writes into {bundle / 'runs'}; {weights} is replaced only by better weights.",
    ]
    if not weights.is_file():
        lines.append(
            f"[yellow]{weights} is not there: MONAI Label can train this bundle, but not predict yet.[/yellow]"
        )
    return "\n".join(lines)


def _check_weights(bundle: Path) -> None:
    # MONAI Label opens model.pt by itself and compares it with nothing.
    if (bundle / "models" / "model.pt").is_file():
        find_bundle_weights(bundle)


@contextmanager
def _app_folder(app: str | Path | None) -> Iterator[Path]:
    if app is not None:
        yield Path(app)
        return
    with tempfile.TemporaryDirectory(prefix="cladeseg-label-") as folder:
        yield Path(folder)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM unwind as Ctrl-C does, so that the server never outlives us."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _watch(server: LabelServer, console: Console, shown: str) -> None:
    try:  # who has read the last line may stop us before the next statement
        console.print(shown, soft_wrap=True, highlight=False)
        code = server.process.wait()
    except KeyboardInterrupt:
        console.print("stopping")
        return
    raise DataError(f"MONAI Label ended by itself with code {code}; its log is {server.log}")

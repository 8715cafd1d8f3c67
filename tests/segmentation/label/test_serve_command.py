"""``cladeseg label serve`` as a user meets it: its help, its refusals, its instructions, and its end."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner, Result

from cladeseg.cli import app
from cladeseg.files import DataError
from cladeseg.segmentation.label import app_folder, free_port
from cladeseg.segmentation.label.server import stop
from cladeseg.segmentation.phantoms import write_msd_phantoms

BUNDLE = Path(__file__).parents[3] / "bundles" / "hippocampus_subclass_segmentation"
COMMAND = [sys.executable, "-c", "from cladeseg.cli import app; app()", "label", "serve"]


@pytest.fixture(autouse=True)
def own_excepthook(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command replaces it."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setenv("COLUMNS", "200")


def call(*arguments: Any) -> Result:
    return CliRunner().invoke(app, ["label", "serve", *(str(argument) for argument in arguments)])


def test_help_gives_an_example_and_says_what_is_needed_and_how_it_ends() -> None:
    result = call("--help")
    assert result.exit_code == 0
    for words in (
        "Examples:\n    cladeseg label serve ",
        "cladeseg[label]",
        "Ctrl-C",
        "nobody is asked for a password",
    ):
        assert words in result.output


def test_a_missing_folder_of_images_is_named(tmp_path: Path) -> None:
    result = call(BUNDLE, "--studies", tmp_path / "scans")
    assert (result.exit_code, type(result.exception)) == (1, DataError)
    assert str(result.exception) == f"{tmp_path / 'scans'}: no such folder; it must hold the images"


def test_a_folder_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    result = call(tmp_path, "--studies", tmp_path)
    assert isinstance(result.exception, DataError)
    assert f"{tmp_path / 'configs' / 'metadata.json'}: not found" in str(result.exception)


def test_without_monai_label_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise app_folder.PackageNotFoundError(name)

    monkeypatch.setattr(app_folder, "distribution", missing)
    result = call(BUNDLE, "--studies", tmp_path)
    assert isinstance(result.exception, DataError)
    assert "pip install 'cladeseg[label]'" in str(result.exception)
    assert result.output == ""


def test_a_port_in_use_is_named_before_anything_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.py").write_text("class MyApp: ...\n", encoding="utf-8")
    monkeypatch.setattr(app_folder, "installed_app", lambda: tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = call(BUNDLE, "--studies", tmp_path, "--port", port)
    assert isinstance(result.exception, DataError)
    assert f"127.0.0.1:{port}: cannot be listened on" in str(result.exception)
    assert "name another --port" in str(result.exception)
    assert result.output == ""


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors"])
def test_weights_that_are_not_those_of_the_record_are_named(tmp_path: Path, name: str) -> None:
    bundle = Path(shutil.copytree(BUNDLE, tmp_path / "bundle", ignore=shutil.ignore_patterns("runs")))
    with (bundle / "models" / name).open("ab") as file:
        file.write(b"more")
    result = call(bundle, "--studies", tmp_path)
    assert isinstance(result.exception, DataError)
    assert str(result.exception).startswith(f"{bundle / 'models' / name}: ")
    assert result.output == ""


# ---- with MONAI Label ------------------------------------------------------------------------------------------------

needs_monai_label = pytest.mark.skipif(
    find_spec("monailabel") is None, reason="MONAI Label is not installed here; make test-label"
)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C works, also where the tests run in the background, which is started with the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def serving(interruptible: None, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int, list[str]]]:
    """The command while it serves: its process, its port, and what it printed."""
    write_msd_phantoms(tmp_path / "phantoms", cases=1)
    port = free_port(port=0)
    words = [str(BUNDLE), "--studies", str(tmp_path / "phantoms" / "imagesTr"), "--port", str(port)]
    with subprocess.Popen([*COMMAND, *words], stdout=-1, stderr=subprocess.STDOUT, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        printed: list[str] = []
        for line in process.stdout:
            printed.append(line)
            if "A training writes into" in line:
                break
        yield process, port, printed
        stop(process)


@needs_monai_label
@pytest.mark.monailabel
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_says_what_to_enter_and_ends_with_all_that_it_started(
    serving: tuple[subprocess.Popen[str], int, list[str]], end: signal.Signals
) -> None:
    process, port, printed = serving
    text = "".join(printed)
    for words in (f"http://127.0.0.1:{port}", "3D Slicer", "conditional_entropy", f"model: {BUNDLE.name}"):
        assert words in text
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    process.send_signal(end)
    said, _ = process.communicate(timeout=300)
    assert (process.returncode, said.splitlines()[-1:]) == (0, ["stopping"])
    assert [member for member in family if member.is_running() and member.status() != psutil.STATUS_ZOMBIE] == []
    assert free_port(port=port) == port

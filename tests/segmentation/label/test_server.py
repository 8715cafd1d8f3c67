"""The server's process: its command, its port, and its end."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from rich.text import Text

from cladeseg.files import DataError
from cladeseg.segmentation.label import server
from cladeseg.segmentation.label.serve import instructions, serve
from cladeseg.segmentation.label.server import LabelServer, free_port, running_server, server_command, stop


def test_the_server_asks_nothing_of_the_network(tmp_path: Path) -> None:
    words = server_command(tmp_path, tmp_path / "studies", model="heart", host="127.0.0.1", port=8123)
    conf = {words[i + 1]: words[i + 2] for i, word in enumerate(words) if word == "--conf"}
    assert conf == {"models": "heart", "zoo_source": "local", "sam2": "false"}
    assert words[words.index("--host") + 1] == "127.0.0.1"


def test_a_taken_port_is_refused_by_number_if_named_and_avoided_if_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(server, "PORT", port)
        assert free_port("127.0.0.1") != port
        with pytest.raises(DataError, match=f"127.0.0.1:{port}: cannot be listened on"):
            free_port("127.0.0.1", port)


def test_stopping_ends_what_the_server_started_too() -> None:
    child = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    process = subprocess.Popen([sys.executable, "-c", f"{child}; print(flush=True); time.sleep(60)"], stdout=-1)
    assert process.stdout is not None
    process.stdout.readline()
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    stop(process)
    process.stdout.close()
    assert [member for member in family if member.is_running() and member.status() != psutil.STATUS_ZOMBIE] == []
    stop(process)  # once more does no harm


def test_a_server_that_ends_at_once_is_reported_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = [sys.executable, "-c", "import sys; print('no such module'); sys.exit(3)"]
    monkeypatch.setattr(server, "server_command", lambda *a, **k: dying)
    with (
        pytest.raises(DataError, match=r"(?s)ended with code 3:.*no such module"),
        running_server(tmp_path, tmp_path, model="heart"),
    ):
        pytest.fail("it does not answer")


def test_another_programs_answer_on_the_port_is_not_taken_for_the_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = [sys.executable, "-c", "import time; time.sleep(3); print('address already in use'); raise SystemExit(1)"]
    monkeypatch.setattr(server, "server_command", lambda *a, **k: late)
    monkeypatch.setattr(server, "_answers", lambda url: True)
    with (
        pytest.raises(DataError, match=r"(?s)ended with code 1:.*address already in use"),
        running_server(tmp_path, tmp_path, model="heart"),
    ):
        pytest.fail("it never listened")


def test_the_instructions_name_address_strategy_and_model(tmp_path: Path) -> None:
    running = LabelServer("http://127.0.0.1:8123", SimpleNamespace(), tmp_path / "log")  # type: ignore[arg-type]
    text = Text.from_markup(instructions(running, tmp_path / "heart")).plain
    for word in (
        "http://127.0.0.1:8123",
        "conditional_entropy",
        "model: heart",
        "can train this bundle, but not predict",
    ):
        assert word in text


def test_a_missing_folder_of_images_is_refused_by_name(tmp_path: Path) -> None:
    bundle = Path(__file__).parents[3] / "bundles" / "acdc_subclass_segmentation"
    with pytest.raises(DataError, match="nowhere: no such folder"):
        serve(bundle, tmp_path / "nowhere")

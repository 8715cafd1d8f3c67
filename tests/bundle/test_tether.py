"""A tethered module is the module itself, and ends with the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cladeseg.bundle.tether import is_module_call, tethered

#: Starts a sleeping module, says its number, and waits.
STARTER = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
print(child.pid, flush=True)
time.sleep(100)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "__init__.py").touch()
    return tmp_path / "planted" / "__main__.py"


def call(*arguments: str) -> list[str]:
    return tethered([sys.executable, "-m", "planted", *arguments])


def test_arguments_name_and_exit_code_are_the_modules_own(module: Path) -> None:
    module.write_text("import os, sys; print(__name__, sys.argv, sys.path[0] == os.getcwd()); raise SystemExit(3)")
    said = module.with_name("said.txt")
    with said.open("w") as file, subprocess.Popen(call("--seed", "1"), stdin=subprocess.PIPE, stdout=file) as process:
        assert process.wait(60) == 3
    assert said.read_text() == f"__main__ {[str(module), '--seed', '1']} True\n"


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_starter(module: Path, number: int) -> None:
    module.write_text("import time; time.sleep(100)")
    starter = subprocess.Popen([sys.executable, "-c", STARTER, *call()], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    child = psutil.Process(int(starter.stdout.readline()))
    time.sleep(0.2)
    assert lives(child)
    starter.send_signal(number)
    starter.wait()
    starter.stdout.close()
    until = time.monotonic() + 60
    while lives(child):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_only_calls_of_modules_can_be_tethered() -> None:
    assert is_module_call([sys.executable, "-m", "monai.bundle"])
    assert not is_module_call([sys.executable, "-S", "-c", "pass"])

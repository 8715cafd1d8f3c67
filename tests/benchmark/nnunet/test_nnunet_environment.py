from __future__ import annotations

import os
import re
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest
from fake_nnunet import calls_of, fake_environment

from cladeseg.benchmark.nnunet.environment import PLAN, NnunetEnvironment
from cladeseg.files import DataError


def variables(tmp_path: Path) -> dict[str, str]:
    folders = {f"nnUNet_{name}": str(tmp_path / name) for name in ("raw", "preprocessed", "results")}
    raw = tmp_path / "raw" / "Dataset001_cladeseg"
    raw.mkdir(parents=True)
    (raw / "dataset.json").write_text("{}")
    return {**folders, "nnUNet_n_proc_DA": "1", "nnUNet_compile": "f"}


def test_a_folder_without_nnunet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"^{re.escape(str(tmp_path))}: is no environment .* bin/python; 'make nnunet"):
        NnunetEnvironment(tmp_path)
    fake_environment(tmp_path, truth=tmp_path)
    (tmp_path / "bin" / "nnUNetv2_train").unlink()
    with pytest.raises(DataError, match="no bin/nnUNetv2_train"):
        NnunetEnvironment(tmp_path)


def test_the_version_is_the_installed_one(tmp_path: Path) -> None:
    environment = NnunetEnvironment(fake_environment(tmp_path, truth=tmp_path))
    assert environment.version == "unknown"
    (tmp_path / "lib" / "python3.11" / "site-packages" / "nnunetv2-2.8.1.dist-info").mkdir(parents=True)
    assert environment.version == "2.8.1"


def test_a_command_sees_one_core_its_variables_and_none_of_our_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    environment = NnunetEnvironment(fake_environment(tmp_path / "env", truth=tmp_path))
    environment.run(PLAN, ["-d", "1"], variables=variables(tmp_path), log=tmp_path / "log")
    (call,) = calls_of(tmp_path / "env")
    assert (call["name"], call["arguments"], call["cores"], call["pythonpath"]) == (PLAN, ["-d", "1"], 1, None)


def test_a_failure_is_one_line_with_the_last_thing_that_was_said(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("an earlier attempt\n")
    environment = NnunetEnvironment(fake_environment(tmp_path / "env", truth=tmp_path, fails=PLAN))
    with pytest.raises(DataError, match=rf"log: {PLAN}: exit code 1: RuntimeError: no such plan; .* above") as failure:
        environment.run(PLAN, [], variables=variables(tmp_path), log=tmp_path / "log")
    assert "\n" not in str(failure.value)
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines == ["an earlier attempt", "CUDA is out of luck", "RuntimeError: no such plan"]


def test_a_command_ends_with_its_workers_when_we_are_terminated(tmp_path: Path) -> None:
    environment = NnunetEnvironment(fake_environment(tmp_path / "env", truth=tmp_path))
    pids = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time\n"
        "worker = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(100)'])\n"
        f"open({str(pids)!r} + '~', 'w').write(f'{{os.getpid()}} {{worker.pid}}')\n"
        f"os.rename({str(pids)!r} + '~', {str(pids)!r})\n"
        "time.sleep(100)\n"
    )
    (tmp_path / "env" / "bin" / PLAN).write_text(code)

    def terminate() -> None:
        while not pids.is_file():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=terminate)
    thread.start()
    with pytest.raises(SystemExit):
        environment.run(PLAN, [], variables={}, log=tmp_path / "log")
    thread.join()
    for pid in map(int, pids.read_text().split()):
        _wait_for_the_end_of(pid)


def _wait_for_the_end_of(pid: int) -> None:
    """Who is nobody's child any more may stay in the table for a while."""
    end = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, f"{pid} still runs"
        time.sleep(0.02)

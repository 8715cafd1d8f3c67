"""``cladeseg predict --workers``: what several processes write is what one writes, also when one of them is killed."""

from __future__ import annotations

import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from cli_calls import call, images, in_own_process

with_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="needs the extra cladeseg[cluster]")


def written(out: Path) -> dict[str, bytes]:
    """Masks and table."""
    return {file.name: file.read_bytes() for file in out.iterdir() if file.name.endswith((".csv", ".gz"))}


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


@with_dask
@pytest.mark.timeout(900)  # several processes that import MONAI
def test_a_killed_worker_and_a_broken_image_cost_the_other_cases_nothing(
    phantoms: Path, data: Path, bundle: Path, tmp_path: Path
) -> None:
    assert call("predict", phantoms, tmp_path / "alone", "--bundle", bundle, "--device", "cpu").exit_code == 0
    whole, broken, out = written(tmp_path / "alone"), images(data)[-1], tmp_path / "out"
    broken.write_bytes(broken.read_bytes()[:-16])
    command = in_own_process("predict", data, out, "--bundle", bundle, "--device", "cpu", "--workers", 2)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list((out / "results").glob("[!.]*.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    workers_of(process)[-1].kill()
    _, messages = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "1 of 4 failed, the others are done; add --resume to do what is missing" in messages
    assert f"{broken}: " in messages.splitlines()[-1]
    broken.write_bytes(images(phantoms)[-1].read_bytes())
    before = {file: file.stat().st_mtime_ns for file in (out / "results").iterdir()}
    assert len(before) == 3
    result = call("predict", data, out, "--bundle", bundle, "--device", "cpu", "--resume")
    assert (result.exit_code, result.exception) == (0, None)
    assert all(file.stat().st_mtime_ns == then for file, then in before.items()), "only what is missing is predicted"
    assert written(out) == whole


def test_a_case_without_its_result_is_not_lost_from_the_table(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    first, second = images(phantoms)[:2]
    call("predict", first, tmp_path / "out", "--bundle", bundle, "--device", "cpu")
    (result,) = (tmp_path / "out" / "results").iterdir()
    result.unlink()
    before = written(tmp_path / "out")
    again = call("predict", second, tmp_path / "out", "--bundle", bundle, "--device", "cpu")
    assert f"has rows of case '{first.name.removesuffix('.nii.gz')}'" in str(again.exception)
    assert written(tmp_path / "out") == before

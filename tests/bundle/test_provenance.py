"""What made a result: on every system, and without the network."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from cladeseg.bundle import provenance
from cladeseg.bundle.provenance import commit, hardware, made_by, peak_memory_mb, versions


def test_versions_name_what_decides_a_result():
    found = versions()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"cladeseg", "torch", "monai", "numpy"} <= set(found)
    assert "unknown" not in found.values()


def test_hardware_names_cores_and_memory():
    assert f"{psutil.virtual_memory().total / 2**30:.0f} GiB memory" in hardware()
    assert " cores" in hardware()


def test_the_peak_does_not_fall():
    before = peak_memory_mb()
    held = bytearray(64 * 2**20)
    assert len(held) > 0
    del held
    assert peak_memory_mb() >= before > 10


def test_it_is_imported_where_there_is_no_module_resource():
    """As on Windows."""
    code = (
        "import sys, psutil; sys.modules['resource'] = None\n"  # psutil has a file of its own for Windows
        "import cladeseg.bundle.provenance, cladeseg.segmentation.pages, cladeseg.segmentation.workflow"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_an_installed_package_has_no_commit(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance, "_CHECKOUT", tmp_path)
    assert commit() == ""


def test_files_that_were_changed_show_in_the_commit(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance, "_CHECKOUT", tmp_path)
    (tmp_path / "file").write_text("one")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    try:
        for arguments in (["init", "-q"], ["add", "file"], [*identity, "commit", "-q", "-m", "one"]):
            subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)
    except OSError:
        pytest.skip("needs git")
    clean = commit()
    assert len(clean) >= 7
    (tmp_path / "file").write_text("two")
    assert commit() == f"{clean}+"


def test_a_record_holds_all_of_it():
    assert set(made_by()) == {"versions", "commit", "command", "hardware"}
    assert made_by()["command"] == sys.argv

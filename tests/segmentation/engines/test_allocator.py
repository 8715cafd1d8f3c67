"""Freed memory stays with the process, so that a second step touches no new page."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from cladeseg.segmentation.engines.allocator import keep_freed_memory

#: Page faults of the second of two steps that allocate and free sixteen tensors of 16 MiB; in a process of its own,
#: because what others allocated before decides which memory is found again.
_FAULTS = """
import resource, sys, torch
from cladeseg.segmentation.engines.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def step():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(2**22) for _ in range(16)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
step()
sys.stdout.write(str(step()))
"""


def page_faults(mode: str) -> int:
    command = [sys.executable, "-c", _FAULTS, mode]
    return int(subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such setting")
def test_the_second_step_finds_the_memory_of_the_first() -> None:
    # Up to three of the sixteen tensors lie elsewhere in the second step, wherever the heap cannot grow in one piece.
    assert page_faults("kept") < page_faults("given back") / 3


def test_another_allocator_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr("ctypes.CDLL", None)
    assert not keep_freed_memory()

"""Freed memory stays with the process, so that a second step touches no new page."""

from __future__ import annotations

import platform
import resource

import pytest
import torch

from cladeseg.segmentation.engines.allocator import keep_freed_memory

#: Sixteen tensors of 16 MiB.
TENSORS, VALUES = 16, 2**22


def page_faults_of_a_step() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(VALUES) for _ in range(TENSORS)]
    assert len(tensors) == TENSORS
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such setting")
def test_the_second_step_finds_the_memory_of_the_first() -> None:
    assert keep_freed_memory()
    page_faults_of_a_step()
    assert page_faults_of_a_step() < TENSORS * VALUES * 4 / resource.getpagesize() / 100


def test_another_allocator_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr("ctypes.CDLL", None)
    assert not keep_freed_memory()

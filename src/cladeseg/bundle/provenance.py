"""What made a result: versions, commit, command and machine, and the time and memory that it took."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

_CHECKOUT = Path(__file__).parents[3]


def made_by() -> dict[str, Any]:
    """``versions``, ``commit``, ``command`` and ``hardware`` of this process."""
    return {"versions": versions(), "commit": commit(), "command": sys.argv, "hardware": hardware()}


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    found = {"python": platform.python_version()}
    for package in ("cladeseg", "torch", "monai", "numpy", "nibabel", "pytorch-ignite"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def commit() -> str:
    """The checkout's commit, with a ``+`` if files were changed since; empty for an installed package."""
    if not (_CHECKOUT / ".git").exists():
        return ""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return _git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def hardware() -> str:
    """System, processor, cores that may be used, memory and graphics cards, in words."""
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GiB memory"
    return ", ".join([platform.platform(terse=True), _processor(), f"{_cores()} cores", memory, *_gpus()])


def peak_memory_mb() -> int:
    """The most memory in MiB that this process has held; of the machine, not of a graphics card."""
    if sys.platform == "win32":
        return round(psutil.Process().memory_info().peak_wset / 2**20)
    import resource  # Windows has no such module

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 2**20 if sys.platform == "darwin" else peak / 2**10)


def peak_gpu_memory_mb() -> int | None:
    """The most memory in MiB that PyTorch's tensors have held on the graphics card; ``None`` without one."""
    import torch  # takes seconds; only who asks for this waits

    return round(torch.cuda.max_memory_allocated() / 2**20) if torch.cuda.is_available() else None


def _processor() -> str:
    """The kind of processor, with its name where Linux says it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return " ".join([platform.machine(), *names[:1]])


def _cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _gpus() -> list[str]:
    import torch

    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(_CHECKOUT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""

"""Time and memory of commands against the number of cases, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from cladeseg.benchmark.figure import COLOURS, STYLE, WIDTH
from cladeseg.files import atomic_write

_MARKERS = ("o", "s", "^", "D")
_HEIGHT = 3.2


def growth_figure(result: Mapping[str, Mapping[str, Mapping[str, float]]], path: Path) -> None:
    """Draw what :func:`~cladeseg.benchmark.cohorts.growth_study` found.

    Args:
        result: command → number of cases → ``cpu_seconds`` and ``peak_mb``.
        path: a ``.webp`` file.

    Raises:
        DataError: it cannot be written.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, _HEIGHT), layout="constrained")
        time, memory = figure.subplots(1, 2)
        for (name, rows), colour, marker in zip(result.items(), COLOURS, _MARKERS, strict=False):
            sizes = sorted(rows, key=int)
            cases = [int(size) for size in sizes]
            time.plot(cases, [rows[size]["cpu_seconds"] for size in sizes], color=colour, marker=marker, label=name)
            memory.plot(cases, [rows[size]["peak_mb"] for size in sizes], color=colour, marker=marker, label=name)
        for axes, title in ((time, "CPU seconds"), (memory, "peak memory, MB")):
            axes.set(xscale="log", xlabel="cases", title=title)
            axes.grid(visible=True)
        time.set_yscale("log")
        memory.set_ylim(bottom=0)
        time.legend(frameon=False)
        with atomic_write(path) as temporary:
            figure.savefig(temporary, format="webp", dpi=150)

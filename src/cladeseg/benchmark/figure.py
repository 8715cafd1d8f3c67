"""The label efficiency curve: Dice against the number of fine patients, one line with a band for each method."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cladeseg.files import atomic_write

#: Okabe and Ito's colours, which people with colour-blindness can tell apart; the first is that of our method.
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
GREY = "#666666"
#: Of 9 markers and 4 dashes, 36 methods have a pair of their own, for people who see no colours.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_DASHES = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))
#: A file depends on nothing but what it shows, so that a figure that is made again shows no difference.
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "cladeseg",
    "svg.fonttype": "none",  # words stay words: small, and readable in a diff
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
}
DICE = "mean Dice over leaves (0 to 1, higher is better)"
WIDTH = 8.0  # inches
_HEIGHT = 5.0
_LETTERS = 26  # of a label on one line
#: Methods stand side by side: at one n they take this share of the way to twice as many.
_SPREAD = 0.3


@dataclass(frozen=True)
class Point:
    """One method at one number of fine patients.

    Attributes:
        n: that number; ``None`` for all, which has no place on an axis of n.
        mean: the score.
        interval: its ends; ``None`` where it has none.
        draws: the mean of each draw.
    """

    n: int | None
    mean: float
    interval: tuple[float, float] | None = None
    draws: tuple[float, ...] = ()

    @property
    def ends(self) -> tuple[float, float]:
        """The interval, of no width where there is none."""
        return self.interval or (self.mean, self.mean)


@dataclass(frozen=True)
class Line:
    """A method in a figure.

    Attributes:
        label: what people read.
        points: its scores.
        strong: drawn so that the eye finds it first.
    """

    label: str
    points: tuple[Point, ...]
    strong: bool = False


def write_figure(figure: Figure, path: str | Path) -> None:
    """Write an SVG file; the same figure gives the same bytes."""
    with rc_context(STYLE), atomic_write(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})


@rc_context(STYLE)
def label_efficiency_curve(lines: Sequence[Line], *, title: str) -> Figure:
    """Dice against the number of fine patients, which is doubled rather than added to: its axis is logarithmic.

    Bands and bars are the intervals, small circles the single draws; an arrow at the edge is a draw that lies below it.
    A method with all labels fine goes across.

    Args:
        lines: the methods, in the order of the legend; those without a point are left out.
        title: above the figure.
    """
    lines = [line for line in lines if line.points]
    rows = sum(1 + wrapped(line.label, _LETTERS).count("\n") for line in lines)
    figure = Figure(figsize=(WIDTH, max(_HEIGHT, 0.6 + 0.21 * rows)), layout="constrained")
    axes = figure.add_subplot()
    beside, start = [line for line in lines if line.points[0].n is not None], axis_start(lines)
    for line, look in zip(lines, _looks(lines), strict=True):
        if line in beside:
            _curve(axes, line, look, place=(beside.index(line) + 0.5) / len(beside) - 0.5, start=start)
        else:
            _across(axes, line, look)
    _label_axes(axes, sorted({_number(point) for line in beside for point in line.points}), title)
    axes.set_ylim(bottom=start)
    if lines:
        legend = figure.legend(loc="outside right upper", frameon=False, handlelength=3.5)
        for text, line in zip(legend.get_texts(), lines, strict=True):
            text.set_fontweight("bold" if line.strong else "normal")
    return figure


def wrapped(label: str, letters: int) -> str:
    r"""A long label on several lines; a minus or times sign stays beside what it belongs to.

    Examples:
        >>> wrapped("ours + separate norm", 10)
        'ours +\nseparate\nnorm'
    """
    return textwrap.fill(label.replace("− ", "−\xa0").replace(" × ", "\xa0×\xa0"), letters)


def axis_start(lines: Sequence[Line]) -> float | None:
    """Where an axis of scores begins, if not at the lowest of them: one bad draw shall not squeeze all the others.

    All means are shown, and what lies below them by no more than half of their range.

    Examples:
        >>> axis_start([Line("good", (Point(1, 0.9),)), Line("bad", (Point(1, 0.5, (0.1, 0.75)),))])
        0.3
        >>> axis_start([Line("good", (Point(1, 0.9, (0.8, 1.0)),))]) is None
        True
    """
    points = [point for line in lines for point in line.points]
    means = [point.mean for point in points]
    start = min(means, default=0.0) - 0.5 * (max(means, default=0.0) - min(means, default=0.0))
    lowest = min((value for point in points for value in (*point.ends, *point.draws)), default=start)
    return start if lowest < start < min(means) else None


def _looks(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Colour, marker and dashes of each method; ours has the first of each, and its colour alone."""
    ranks = np.argsort(np.argsort([not line.strong for line in lines], kind="stable"))
    colours = [COLOURS[0 if i == 0 else 1 + (i - 1) % (len(COLOURS) - 1)] for i in ranks]
    pairs = [(_MARKERS[i % len(_MARKERS)], _DASHES[i % len(_DASHES)]) for i in ranks]
    return [{"color": colour, "marker": m, "ls": dashes} for colour, (m, dashes) in zip(colours, pairs, strict=True)]


def _curve(axes: Axes, line: Line, look: dict[str, Any], *, place: float, start: float | None) -> None:
    """A method's line, band, bars and draws; ``place`` is from -0.5 to 0.5 among its neighbours."""
    points = sorted(line.points, key=_number)
    x = np.array([_number(point) for point in points]) * 2 ** (place * _SPREAD)
    low, high = ([point.ends[i] for point in points] for i in (0, 1))
    colour, order = look["color"], 4 if line.strong else 3
    axes.fill_between(x, low, high, color=colour, alpha=0.16 if line.strong else 0.06, linewidth=0)
    axes.vlines(x, low, high, color=colour, linewidth=1, zorder=order)
    for each, point in zip(x, points, strict=True):
        axes.plot([each] * len(point.draws), point.draws, "o", mfc="white", mec=colour, ms=3, mew=0.8, zorder=order)
        if start is not None and min(point.draws, default=start) < start:
            axes.plot(each, start, "v", color=colour, ms=4, zorder=order, clip_on=False)
    label, width = wrapped(line.label, _LETTERS), 2.4 if line.strong else 1.2
    axes.plot(x, [point.mean for point in points], **look, lw=width, ms=6, zorder=order, label=label)


def _across(axes: Axes, line: Line, look: dict[str, Any]) -> None:
    point = line.points[0]
    axes.axhspan(*point.ends, color=GREY, alpha=0.12, linewidth=0)
    axes.axhline(point.mean, color=GREY, ls=look["ls"], lw=1.2, label=wrapped(line.label, _LETTERS))


def _label_axes(axes: Axes, numbers: Sequence[int], title: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("number of finely labelled patients")
    axes.set_ylabel(DICE)
    axes.set_xscale("log", base=2)
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.minorticks_off()
    axes.grid(axis="y")


def _number(point: Point) -> int:
    return point.n or 0

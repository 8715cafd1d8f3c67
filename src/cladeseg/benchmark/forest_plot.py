"""One number of fine patients: a row for each method with a circle for each draw, the best method on top."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from cladeseg.benchmark.figure import COLOURS, DICE, GREY, STYLE, WIDTH, Line, Point, axis_start, wrapped

_LINE, _GAP = 0.15, 0.11  # inches: a line of a label, and what a row has besides
_LETTERS = 34  # of a label on one line


@rc_context(STYLE)
def forest_plot(lines: Sequence[Line], *, title: str) -> Figure:
    """The methods' scores at one number of fine patients, sorted.

    A bar is the interval, circles are the single draws, the mark is their mean.  A method with all labels fine is grey,
    and a dashed line carries its score to the other rows.  A draw that lies before the axis is an arrow and a number.

    Args:
        lines: the methods; of each the first point is drawn, those without one are left out.
        title: above the figure; the number of patients is added to it.
    """
    rows = sorted((line for line in lines if line.points), key=lambda line: -line.points[0].mean)
    names = ["method", *(_named(line) for line in rows)]
    heights = np.array([_GAP + _LINE * (1 + name.count("\n")) for name in names])
    places = np.cumsum(heights) - heights / 2  # inches below the top, the first for what stands above the columns
    figure = Figure(figsize=(WIDTH, 0.8 + heights.sum()), layout="constrained")
    axes, start = figure.add_subplot(), axis_start(rows)
    for place, line in zip(places[1:], rows, strict=True):
        _row(axes, line, place, start)
    axes.set_title(", ".join([title, *(f"n = {n}" for n in {line.points[0].n for line in rows} - {None})]))
    axes.set_xlabel(DICE)
    axes.set_xlim(left=start)
    axes.set_ylim(heights.sum(), 0)
    axes.grid(axis="x")
    scores = axes.secondary_yaxis("right")
    scores.spines["right"].set_visible(False)
    _label_rows(axes.yaxis, places, names, rows)
    _label_rows(scores.yaxis, places, ["Dice [95 % CI]", *(_score(line.points[0]) for line in rows)], rows)
    return figure


def _named(line: Line) -> str:
    return wrapped(f"{line.label} (all\xa0fine)" if line.points[0].n is None else line.label, _LETTERS)


def _row(axes: Axes, line: Line, place: float, start: float | None) -> None:
    point = line.points[0]
    colour = GREY if point.n is None else COLOURS[0] if line.strong else COLOURS[1]
    if point.n is None:
        axes.axvline(point.mean, color=colour, ls="--", lw=1)
    axes.hlines(place, *point.ends, color=colour, alpha=0.3, linewidth=5)
    draws = point.draws if point.n is not None else ()
    axes.plot(draws, [place] * len(draws), "o", mfc="white", mec=colour, ms=4.5, mew=1)
    axes.plot(point.mean, place, "|", color=colour, ms=12, mew=2.4)
    before = [f"{draw:.3f}" for draw in sorted(draws) if start is not None and draw < start]
    if before:
        edge = ("axes fraction", "data")
        axes.annotate(f"◂ {', '.join(before)}", (0, place), (3, 7), xycoords=edge, textcoords="offset points", size=8)


def _label_rows(axis: Axis, places: np.ndarray, labels: Sequence[str], rows: Sequence[Line]) -> None:
    axis.set_ticks(places, labels)
    axis.set_tick_params(length=0)
    for label, line in zip(axis.get_ticklabels()[1:], rows, strict=True):
        label.set_fontweight("bold" if line.strong else "normal")


def _score(point: Point) -> str:
    interval = "" if point.interval is None else " [{:.3f}, {:.3f}]".format(*point.interval)
    return f"{point.mean:.3f}{interval}"

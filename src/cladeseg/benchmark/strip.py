"""One number of fine labels: a row for each method with a circle for each draw, the best method on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from cladeseg.benchmark.svg import COLOURS, Line, add, page, text, ticks_around

_PLOT, _BESIDE, _TOP = 490, 110, 36
#: Units of the page that a letter takes at most, so that the longest label fits.
_LETTER = 7.5
_ROW_HEIGHT = 24
_STRONG, _PLAIN, _ALL = COLOURS[1], COLOURS[0], "#666666"


def draw_strip(lines: Sequence[Line], *, title: str) -> ElementTree.Element:
    """The rows as an SVG element, sorted by score.

    Each method is a group with class ``method`` and its label as ``data-label``.  A method with all labels fine is
    grey, and a dashed line carries its score to the other rows.

    Args:
        lines: the methods; of each the first point is drawn.
        title: above the figure.
    """
    rows = sorted((line for line in lines if line.points), key=lambda line: -line.points[0].mean)
    bottom = _TOP + _ROW_HEIGHT * max(len(rows), 1)
    left = 24 + _LETTER * max((len(_named(line)) for line in rows), default=0)
    root, body = page(round(left) + _PLOT + _BESIDE, bottom + 52)
    scale = _Scale(ticks_around([line.points[0] for line in rows]), left)
    numbers = sorted({line.points[0].n for line in rows} - {None})  # type: ignore[type-var]
    title = f"{title}, n = {numbers[0]}" if numbers else title
    text(body, title, x=scale.left + _PLOT / 2, y=_TOP - 14, anchor="middle")
    _axes(body, scale, bottom)
    for i, line in enumerate(rows):
        _row(body, line, scale, y=_TOP + _ROW_HEIGHT * (i + 0.5), bottom=bottom)
    return root


@dataclass(frozen=True)
class _Scale:
    ticks: tuple[float, ...]
    left: float

    def x(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return self.left + (value - low) / (high - low) * _PLOT


def _axes(body: ElementTree.Element, scale: _Scale, bottom: float) -> None:
    axes = add(body, "g", **{"class": "axes"})
    for value in scale.ticks:
        x = scale.x(value)
        add(axes, "line", x1=x, x2=x, y1=_TOP, y2=bottom, stroke="#dddddd")
        text(axes, f"{value:.10g}", x=x, y=bottom + 18, anchor="middle", kind="tick-x")
    add(axes, "line", x1=scale.left, x2=scale.left + _PLOT, y1=bottom, y2=bottom, stroke="black")
    text(axes, "Dice, mean over leaves", x=scale.left + _PLOT / 2, y=bottom + 38, anchor="middle")


def _row(body: ElementTree.Element, line: Line, scale: _Scale, *, y: float, bottom: float) -> None:
    point = line.points[0]
    colour = _ALL if point.n is None else _STRONG if line.strong else _PLAIN
    group = add(body, "g", **{"class": "method", "data-label": line.label})
    name = text(group, _named(line), x=scale.left - 12, y=y + 4, anchor="end", kind="row")
    if line.strong:
        name.set("font-weight", "bold")
    x = scale.x(point.mean)
    if point.n is None:
        dashed = {"stroke-dasharray": "3 3", "class": "across"}
        add(group, "line", x1=x, x2=x, y1=_TOP, y2=bottom, stroke=colour, **dashed)
    ends = {"x1": scale.x(point.low), "x2": scale.x(point.high), "y1": y, "y2": y}
    add(group, "line", **ends, stroke=colour, **{"stroke-width": "6", "stroke-opacity": "0.3", "class": "interval"})
    for value in point.draws if point.n is not None else ():
        add(group, "circle", cx=scale.x(value), cy=y, r=3.2, fill="white", stroke=colour, **{"class": "draw"})
    add(group, "line", x1=x, x2=x, y1=y - 8, y2=y + 8, stroke=colour, **{"stroke-width": "3", "class": "mean"})
    text(group, f"{point.mean:.3f}", x=scale.left + _PLOT + 12, y=y + 4, anchor="start", kind="score")


def _named(line: Line) -> str:
    return f"{line.label} (all fine)" if line.points[0].n is None else line.label

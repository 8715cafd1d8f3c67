"""Dice against the number of fine labels, one line with a band for each method; a strip of draws where n is one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from cladeseg.benchmark.strip import draw_strip
from cladeseg.benchmark.svg import COLOURS, Line, Point, add, page, text, ticks_around, write

_WIDTH, _HEIGHT = 860, 500
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 36, 600, 452
_LINE_HEIGHT = 18
_MARGIN = 44
#: Methods stand side by side at each n, this many units of the page apart and not wider than the margin in all.
_APART = 9.0
#: Dashes tell further lines apart once the colours are used up.
_DASHES = ("none", "6 3", "2 3")


def write_figure(lines: Sequence[Line], path: str | Path, *, title: str) -> None:
    """Write the figure; lines without a point are left out.

    Args:
        lines: the methods, in the order of the legend.
        path: the SVG file.
        title: above the figure.
    """
    write(draw_figure([line for line in lines if line.points], title=title), path)


def draw_figure(lines: Sequence[Line], *, title: str) -> ElementTree.Element:
    """The figure as an SVG element; each method is a group with class ``method`` and its label as ``data-label``."""
    numbers = {point.n for line in lines for point in line.points} - {None}
    return draw_curves(lines, title=title) if len(numbers) > 1 else draw_strip(lines, title=title)


def draw_curves(lines: Sequence[Line], *, title: str) -> ElementTree.Element:
    """Dice against n; full supervision goes across the whole width."""
    height = max(_HEIGHT, _TOP + 16 + len(lines) * _LINE_HEIGHT)  # a long legend needs room
    root, body = page(_WIDTH, height)
    scale = _Scale.around([point for line in lines for point in line.points])
    text(body, title, x=(_LEFT + _RIGHT) / 2, y=_TOP - 14, anchor="middle")
    _axes(body, scale)
    beside = [line.label for line in lines if any(point.n is not None for point in line.points)]
    looks = [_Look.of(i, line, beside) for i, line in enumerate(lines)]
    for line, look in sorted(zip(lines, looks, strict=True), key=lambda pair: pair[0].strong):  # ours on top
        _method(body, line, look, scale)
    for i, (line, look) in enumerate(zip(lines, looks, strict=True)):
        _legend(body, line, look, y=_TOP + 8 + i * _LINE_HEIGHT)
    return root


@dataclass(frozen=True)
class _Look:
    colour: str
    dash: str
    width: float
    shift: float

    @classmethod
    def of(cls, index: int, line: Line, beside: Sequence[str]) -> _Look:
        apart = min(_APART, (2 * _MARGIN - 16) / max(len(beside), 1))
        shift = (beside.index(line.label) - (len(beside) - 1) / 2) * apart if line.label in beside else 0.0
        dash = _DASHES[index // len(COLOURS) % len(_DASHES)]
        return cls(COLOURS[index % len(COLOURS)], dash, 3.0 if line.strong else 1.5, shift)

    @property
    def stroke(self) -> dict[str, str]:
        return {"stroke": self.colour, "stroke-dasharray": self.dash, "stroke-width": f"{self.width:g}"}


@dataclass(frozen=True)
class _Scale:
    """From (n, score) to the page; n on a logarithmic axis, as it is doubled rather than added to."""

    ns: tuple[int, ...]
    ticks: tuple[float, ...]

    @classmethod
    def around(cls, points: Sequence[Point]) -> _Scale:
        return cls(tuple(sorted({point.n for point in points if point.n is not None})), ticks_around(points))

    def x(self, n: int) -> float:
        first, last = math.log(self.ns[0]), math.log(self.ns[-1])
        return _LEFT + _MARGIN + (math.log(n) - first) / (last - first) * (_RIGHT - _LEFT - 2 * _MARGIN)

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return _BOTTOM - (value - low) / (high - low) * (_BOTTOM - _TOP)


def _axes(body: ElementTree.Element, scale: _Scale) -> None:
    axes = add(body, "g", **{"class": "axes"})
    for value in scale.ticks:
        y = scale.y(value)
        add(axes, "line", x1=_LEFT, x2=_RIGHT, y1=y, y2=y, stroke="#dddddd")
        text(axes, f"{value:.10g}", x=_LEFT - 8, y=y + 4, anchor="end", kind="tick-y")
    for n in scale.ns:
        x = scale.x(n)
        add(axes, "line", x1=x, x2=x, y1=_BOTTOM, y2=_BOTTOM + 5, stroke="black")
        text(axes, str(n), x=x, y=_BOTTOM + 19, anchor="middle", kind="tick-x")
    add(axes, "polyline", points=f"{_LEFT},{_TOP} {_LEFT},{_BOTTOM} {_RIGHT},{_BOTTOM}", fill="none", stroke="black")
    text(axes, "finely labelled patients", x=(_LEFT + _RIGHT) / 2, y=_BOTTOM + 38, anchor="middle")
    title = text(axes, "Dice, mean over leaves", x=0, y=0, anchor="middle")
    title.set("transform", f"translate(18 {(_TOP + _BOTTOM) / 2}) rotate(-90)")


def _method(body: ElementTree.Element, line: Line, look: _Look, scale: _Scale) -> None:
    group = add(body, "g", **{"class": "method", "data-label": line.label})
    along = sorted((point for point in line.points if point.n is not None), key=lambda point: point.n or 0)
    for point in line.points:
        if point.n is None:
            _curve(group, [(_LEFT, point), (_RIGHT, point)], scale, look)
    if along:
        _curve(group, [(scale.x(point.n or 0) + look.shift, point) for point in along], scale, look)
    for point in along:
        _marks(group, point, scale, look)


def _curve(group: ElementTree.Element, points: Sequence[tuple[float, Point]], scale: _Scale, look: _Look) -> None:
    """The band, and the line on it; the marks alone stand for a single point."""
    if len(points) < 2:
        return
    edge = [(x, point.high) for x, point in points] + [(x, point.low) for x, point in reversed(points)]
    outline = " ".join(f"{x:.1f},{scale.y(value):.1f}" for x, value in edge)
    opacity = "0.16" if look.width > 2 else "0.07"
    add(group, "polygon", points=outline, fill=look.colour, **{"fill-opacity": opacity, "class": "band"})
    middle = " ".join(f"{x:.1f},{scale.y(point.mean):.1f}" for x, point in points)
    add(group, "polyline", points=middle, fill="none", **look.stroke, **{"class": "mean"})


def _marks(group: ElementTree.Element, point: Point, scale: _Scale, look: _Look) -> None:
    """The mean with its interval, and a circle for each draw."""
    x = scale.x(point.n or 0) + look.shift
    ends = {"y1": scale.y(point.low), "y2": scale.y(point.high)}
    add(group, "line", x1=x, x2=x, **ends, stroke=look.colour, **{"class": "interval"})
    for value in point.draws:
        add(group, "circle", cx=x, cy=scale.y(value), r=2.2, fill="white", stroke=look.colour, **{"class": "draw"})
    add(group, "circle", cx=x, cy=scale.y(point.mean), r=3.5, fill=look.colour, **{"class": "mean"})


def _legend(body: ElementTree.Element, line: Line, look: _Look, *, y: float) -> None:
    add(body, "line", x1=_RIGHT + 16, x2=_RIGHT + 42, y1=y, y2=y, **look.stroke, **{"class": "look"})
    words = text(body, line.label, x=_RIGHT + 50, y=y + 4, anchor="start", kind="legend")
    if line.strong:
        words.set("font-weight", "bold")

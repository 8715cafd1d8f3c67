"""Dice against the number of fine labels, one line with a band for each method, as SVG.

Drawn by hand, because this one picture is all that a plotting library would be installed for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from cladeseg.files import whole_file

_WIDTH, _HEIGHT = 760, 440
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 36, 500, 392
_LINE_HEIGHT = 18
#: Okabe and Ito's colours, which people with colour-blindness can tell apart; dashes tell further lines apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_DASHES = ("none", "6 3", "2 3")


@dataclass(frozen=True)
class Point:
    """One method at one number of fine labels.

    Attributes:
        n: that number; ``None`` for all, which is drawn across the whole width.
        mean: the score.
        low: lower end of its band.
        high: upper end.
        draws: the mean of each draw, drawn as dots.
    """

    n: int | None
    mean: float
    low: float
    high: float
    draws: tuple[float, ...] = ()


@dataclass(frozen=True)
class Line:
    """A method in the figure."""

    label: str
    points: tuple[Point, ...]


def write_figure(lines: Sequence[Line], path: str | Path, *, title: str) -> None:
    """Write the figure; lines without a point are left out.

    Args:
        lines: the methods, in the order of the legend.
        path: the SVG file.
        title: above the figure.
    """
    root = draw_figure([line for line in lines if line.points], title=title)
    ElementTree.indent(root)
    with whole_file(path) as temporary:
        temporary.write_text(ElementTree.tostring(root, encoding="unicode") + "\n", encoding="utf-8", newline="\n")


def draw_figure(lines: Sequence[Line], *, title: str) -> ElementTree.Element:
    """The figure as an SVG element; each method is a group with class ``method`` and its label as ``data-label``."""
    scale = _Scale.around([point for line in lines for point in line.points])
    height = max(_HEIGHT, _TOP + 16 + len(lines) * _LINE_HEIGHT)  # a long legend needs room
    root = ElementTree.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_WIDTH} {height}", width=str(_WIDTH)
    )
    _add(root, "rect", width=_WIDTH, height=height, fill="white")
    body = _add(root, "g", **{"font-family": "sans-serif", "font-size": "12"})
    _text(body, title, x=(_LEFT + _RIGHT) / 2, y=_TOP - 14, anchor="middle")
    _axes(body, scale)
    for i, line in enumerate(lines):
        _method(body, line, i, scale)
    return root


@dataclass(frozen=True)
class _Scale:
    """From (n, score) to the page; n on a logarithmic axis, as it is doubled rather than added to."""

    ns: tuple[int, ...]
    ticks: tuple[float, ...]

    @classmethod
    def around(cls, points: Sequence[Point]) -> _Scale:
        ns = sorted({point.n for point in points if point.n is not None}) or [1]
        values = [value for point in points for value in (point.mean, point.low, point.high, *point.draws)] or [0, 1]
        return cls(tuple(ns), nice_ticks(min(values), max(values)))

    def x(self, n: int) -> float:
        if len(self.ns) == 1:
            return (_LEFT + _RIGHT) / 2
        first, last = math.log(self.ns[0]), math.log(self.ns[-1])
        margin = 24
        return _LEFT + margin + (math.log(n) - first) / (last - first) * (_RIGHT - _LEFT - 2 * margin)

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return _BOTTOM - (value - low) / (high - low) * (_BOTTOM - _TOP)


def nice_ticks(low: float, high: float) -> tuple[float, ...]:
    """About five round numbers that enclose an interval: steps of 1, 2 or 5 times a power of ten."""
    span = max(high - low, 1e-3)
    power = 10 ** math.floor(math.log10(span / 4))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= span / 4 - 1e-12)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(i * step, 10) for i in range(first, max(last, first + 1) + 1))


def _axes(body: ElementTree.Element, scale: _Scale) -> None:
    axes = _add(body, "g", **{"class": "axes"})
    for value in scale.ticks:
        y = scale.y(value)
        _add(axes, "line", x1=_LEFT, x2=_RIGHT, y1=y, y2=y, stroke="#dddddd")
        _text(axes, f"{value:.10g}", x=_LEFT - 8, y=y + 4, anchor="end", kind="tick-y")
    for n in scale.ns:
        x = scale.x(n)
        _add(axes, "line", x1=x, x2=x, y1=_BOTTOM, y2=_BOTTOM + 5, stroke="black")
        _text(axes, str(n), x=x, y=_BOTTOM + 19, anchor="middle", kind="tick-x")
    _add(axes, "polyline", points=f"{_LEFT},{_TOP} {_LEFT},{_BOTTOM} {_RIGHT},{_BOTTOM}", fill="none", stroke="black")
    _text(axes, "finely labelled patients", x=(_LEFT + _RIGHT) / 2, y=_BOTTOM + 38, anchor="middle")
    title = _text(axes, "Dice, mean over leaves", x=0, y=0, anchor="middle")
    title.set("transform", f"translate(18 {(_TOP + _BOTTOM) / 2}) rotate(-90)")


def _method(body: ElementTree.Element, line: Line, index: int, scale: _Scale) -> None:
    colour = _COLOURS[index % len(_COLOURS)]
    stroke = {"stroke": colour, "stroke-dasharray": _DASHES[index // len(_COLOURS) % len(_DASHES)]}
    group = _add(body, "g", **{"class": "method", "data-label": line.label})
    across = [point for point in line.points if point.n is None]
    along = sorted((point for point in line.points if point.n is not None), key=lambda point: point.n or 0)
    for point in across:
        _curve(group, [(_LEFT, point), (_RIGHT, point)], scale, stroke)
    if along:
        _curve(group, [(scale.x(point.n or 0), point) for point in along], scale, stroke)
    for point in along:
        _dots(group, point, scale, colour)
    _legend(body, line.label, index, stroke)


def _curve(
    group: ElementTree.Element, points: Sequence[tuple[float, Point]], scale: _Scale, stroke: dict[str, str]
) -> None:
    """The band, and the line on it; one point alone gets a short bar so that its band can be seen."""
    wide = points if len(points) > 1 else [(points[0][0] + shift, points[0][1]) for shift in (-6, 6)]
    edge = [(x, point.high) for x, point in wide] + [(x, point.low) for x, point in reversed(wide)]
    outline = " ".join(f"{x:.1f},{scale.y(value):.1f}" for x, value in edge)
    _add(group, "polygon", points=outline, fill=stroke["stroke"], **{"fill-opacity": "0.12", "class": "band"})
    middle = " ".join(f"{x:.1f},{scale.y(point.mean):.1f}" for x, point in wide)
    _add(group, "polyline", points=middle, fill="none", **stroke, **{"stroke-width": "2", "class": "mean"})


def _dots(group: ElementTree.Element, point: Point, scale: _Scale, colour: str) -> None:
    x = scale.x(point.n or 0)
    _add(group, "circle", cx=x, cy=scale.y(point.mean), r=3.5, fill=colour, **{"class": "mean"})
    for value in point.draws:
        _add(group, "circle", cx=x, cy=scale.y(value), r=2, fill="none", stroke=colour, **{"class": "draw"})


def _legend(body: ElementTree.Element, label: str, index: int, stroke: dict[str, str]) -> None:
    y = _TOP + 8 + index * _LINE_HEIGHT
    _add(body, "line", x1=_RIGHT + 16, x2=_RIGHT + 42, y1=y, y2=y, **stroke, **{"stroke-width": "2"})
    _text(body, label, x=_RIGHT + 50, y=y + 4, anchor="start", kind="legend")


def _add(parent: ElementTree.Element, tag: str, **attributes: float | str) -> ElementTree.Element:
    shown = {key: value if isinstance(value, str) else f"{value:.1f}" for key, value in attributes.items()}
    return ElementTree.SubElement(parent, tag, shown)


def _text(
    parent: ElementTree.Element, content: str, *, x: float, y: float, anchor: str, kind: str = "label"
) -> ElementTree.Element:
    element = _add(parent, "text", x=x, y=y, **{"text-anchor": anchor, "class": kind})
    element.text = content
    return element

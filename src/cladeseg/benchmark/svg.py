"""What the figures share: their elements, scale and colours.

Drawn by hand, because these pictures are all that a plotting library would be installed for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from cladeseg.files import atomic_write

#: Okabe and Ito's colours, which people with colour-blindness can tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


@dataclass(frozen=True)
class Point:
    """One method at one number of fine labels.

    Attributes:
        n: that number; ``None`` for all, which has no place on an axis of n.
        mean: the score.
        low: lower end of its interval.
        high: upper end.
        draws: the mean of each draw, drawn as dots.
    """

    n: int | None
    mean: float
    low: float
    high: float
    draws: tuple[float, ...] = ()

    @property
    def values(self) -> tuple[float, ...]:
        """Everything that must lie on the page."""
        return (self.mean, self.low, self.high, *self.draws)


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


def page(width: int, height: int) -> tuple[ElementTree.Element, ElementTree.Element]:
    """A white page, and the group that takes what is drawn on it."""
    root = ElementTree.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", width=str(width)
    )
    add(root, "rect", width=width, height=height, fill="white")
    return root, add(root, "g", **{"font-family": "sans-serif", "font-size": "12"})


def write(root: ElementTree.Element, path: str | Path) -> None:
    """Write an SVG file."""
    ElementTree.indent(root)
    with atomic_write(path) as temporary:
        temporary.write_text(ElementTree.tostring(root, encoding="unicode") + "\n", encoding="utf-8", newline="\n")


def add(parent: ElementTree.Element, tag: str, **attributes: float | str) -> ElementTree.Element:
    """Append an element; numbers get one digit after the point."""
    shown = {key: value if isinstance(value, str) else f"{value:.1f}" for key, value in attributes.items()}
    return ElementTree.SubElement(parent, tag, shown)


def text(
    parent: ElementTree.Element, content: str, *, x: float, y: float, anchor: str, kind: str = "label"
) -> ElementTree.Element:
    """Append words; ``kind`` is their class."""
    element = add(parent, "text", x=x, y=y, **{"text-anchor": anchor, "class": kind})
    element.text = content
    return element


def nice_ticks(low: float, high: float) -> tuple[float, ...]:
    """About five round numbers that enclose an interval: steps of 1, 2 or 5 times a power of ten."""
    span = max(high - low, 1e-3)
    power = 10 ** math.floor(math.log10(span / 4))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= span / 4 - 1e-12)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(i * step, 10) for i in range(first, max(last, first + 1) + 1))


def ticks_around(points: Sequence[Point]) -> tuple[float, ...]:
    """Ticks that enclose all scores; 0 to 1 where there are none."""
    values = [value for point in points for value in point.values] or [0.0, 1.0]
    return nice_ticks(min(values), max(values))

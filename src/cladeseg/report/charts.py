"""Charts of a page as plain shapes, which one template draws as SVG in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 640.0, 56.0, 14.0, 14.0, 42.0
_LETTER = 7.2  # pixels of a letter of a row's label
_ROW = 34.0


@dataclass(frozen=True)
class Row:
    """Of a chart with one row for each name.

    Attributes:
        name: heads the row.
        values: single values, small marks.
        mean: the large mark; ``None`` where there is no value.
        interval: its ends.
        titles: what pointing at each value shows.
    """

    name: str
    values: Sequence[float] = ()
    mean: float | None = None
    interval: tuple[float, float] | None = None
    titles: Sequence[str] = ()


@dataclass
class Chart:
    """What the template draws; all positions are in pixels from the upper left.

    Attributes:
        description: what a reader who sees no picture is to know.
        width: of the drawing.
        height: of the drawing.
        x_label: of the axis below.
        y_label: of the axis on the left.
        box: left, top, right and bottom of the plot.
        x_ticks: (position, text).
        y_ticks: (position, text).
        lines: (points, number of the style).
        segments: (x1, y1, x2, y2, class).
        points: (x, y, class, title).
        legend: (name, number of the style).
    """

    description: str
    width: float
    height: float
    x_label: str
    y_label: str
    box: tuple[float, float, float, float]
    x_ticks: list[tuple[float, str]] = field(default_factory=list)
    y_ticks: list[tuple[float, str]] = field(default_factory=list)
    lines: list[tuple[str, int]] = field(default_factory=list)
    segments: list[tuple[float, float, float, float, str]] = field(default_factory=list)
    points: list[tuple[float, float, str, str]] = field(default_factory=list)
    legend: list[tuple[str, int]] = field(default_factory=list)


class _Scale:
    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self.low, self.high = (low, high) if high > low else (low - 0.5, low + 0.5)
        self.begin, self.end = begin, end

    def __call__(self, value: float) -> float:
        return round(self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin), 1)

    def ticks(self) -> list[tuple[float, str]]:
        """About five round numbers with their positions."""
        step = _round_step((self.high - self.low) / 4)
        first = math.ceil(self.low / step - 1e-9)
        numbers = [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        return [(self(number), f"{number:.{digits}f}".replace("-", "−")) for number in numbers]


def line_chart(
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    x_label: str,
    y_label: str,
    description: str,
    y_range: tuple[float, float] | None = None,
    x_range: tuple[float, float] | None = None,
    diagonal: bool = False,
    lines: bool = True,
) -> Chart:
    """Lines with marks over a common axis.

    Args:
        series: name → (x, y) of each point.
        x_label: of the axis below.
        y_label: of the axis on the left.
        description: for readers who see no picture.
        y_range: of the left axis; that of the data if ``None``.
        x_range: of the axis below; that of the data if ``None``.
        diagonal: draw y = x.
        lines: join the points of each series.
    """
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    box = (_LEFT, _TOP, _WIDTH - _RIGHT, 280.0 - _BOTTOM)
    x = _Scale(*(x_range or (min(xs), max(xs))), box[0], box[2])
    y = _Scale(*(y_range or (min(0.0, *ys, 0.0), max(ys))), box[3], box[1])
    chart = Chart(description, _WIDTH, 280.0, x_label, y_label, box, x.ticks(), y.ticks())
    if diagonal:
        chart.segments.append((x(x.low), y(x.low), x(x.high), y(x.high), "reference"))
    for number, (name, points) in enumerate(series.items()):
        if lines:
            chart.lines.append((" ".join(f"{x(a)},{y(b)}" for a, b in points), number))
        chart.points += [(x(a), y(b), f"s{number}", f"{name}: {a:g}, {b:.3f}") for a, b in points]
        chart.legend.append((name, number))
    return chart


def reliability_chart(
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    description: str,
    x_label: str = "probability of the predicted class",
    y_label: str = "share of right predictions",
) -> Chart:
    """Shares that are right over the probabilities that were given, beside the diagonal of perfect calibration.

    Args:
        series: name → (probability, share) of each bin.
        description: for readers who see no picture.
        x_label: of the axis below.
        y_label: of the axis on the left.
    """
    return line_chart(
        series,
        x_label=x_label,
        y_label=y_label,
        description=description,
        x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
        diagonal=True,
    )


def row_chart(
    rows: Sequence[Row],
    *,
    x_label: str,
    description: str,
    reference: float | None = None,
) -> Chart:
    """One row for each name: small marks for values, a large one with its interval for the mean.

    Args:
        rows: from above.
        x_label: of the axis below.
        description: for readers who see no picture.
        reference: where a line from top to bottom stands.
    """
    left = max(_LEFT, 16 + _LETTER * max((len(row.name) for row in rows), default=0))
    height = _TOP + _ROW * len(rows) + _BOTTOM
    box = (left, _TOP, _WIDTH - _RIGHT, height - _BOTTOM)
    x = _Scale(*_range(rows, reference), box[0], box[2])
    chart = Chart(description, _WIDTH, height, x_label, "", box, x.ticks())
    if reference is not None:
        chart.segments.append((x(reference), box[1], x(reference), box[3], "reference"))
    for number, row in enumerate(rows):
        middle = _TOP + _ROW * (number + 0.5)
        chart.y_ticks.append((middle, row.name))
        _draw_row(chart, row, middle, x)
    return chart


def _draw_row(chart: Chart, row: Row, middle: float, x: _Scale) -> None:
    titles = row.titles or [f"{value:.3f}" for value in row.values]
    # Spread over the row by their place, the same way each time.
    shifts = [((i * 7) % 5 - 2) * 3.0 for i in range(len(row.values))]
    chart.points += [
        (x(value), middle + shift, "value", title)
        for value, shift, title in zip(row.values, shifts, titles, strict=True)
    ]
    if row.interval is not None:
        chart.segments.append((x(row.interval[0]), middle, x(row.interval[1]), middle, "interval"))
    if row.mean is not None:
        chart.segments.append((x(row.mean), middle - 9, x(row.mean), middle + 9, "mean"))


def _range(rows: Sequence[Row], reference: float | None) -> tuple[float, float]:
    found = [value for row in rows for value in (*row.values, *(row.interval or ()))]
    found += [row.mean for row in rows if row.mean is not None]
    found += [] if reference is None else [reference]
    if not found:
        return 0.0, 1.0
    low, high = float(np.min(found)), float(np.max(found))
    margin = 0.04 * (high - low)
    return low - margin, high + margin


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * n for n in (1, 2, 5, 10) if power * n >= step * 0.999)

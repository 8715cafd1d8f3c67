"""The label efficiency curve shows the right figures, completely, and the same way each time."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from cladeseg.benchmark.figure import COLOURS, Line, Point, axis_start, label_efficiency_curve, wrapped, write_figure

OURS = Line(
    "ours",
    (Point(1, 0.8, (0.75, 0.85), (0.7, 0.9)), Point(2, 0.85, (0.8, 0.9)), Point(4, 0.9, (0.85, 0.95))),
    strong=True,
)
ALONE = Line("alone & <fine>", (Point(1, 0.6, (0.5, 0.7)),))
FULL = Line("full", (Point(None, 0.95, (0.9, 1.0)),))
LONG = Line("a method whose name is as long as its idea, − factorisation and 3 × longer", OURS.points)


def curve(*lines: Line) -> Figure:
    return label_efficiency_curve(lines, title="a title")


def named(figure: Figure, label: str) -> Line2D:
    return next(line for line in figure.axes[0].get_lines() if line.get_label() == label)


def words(figure: Figure) -> list[Text]:
    """Everything that is written; a tick beyond the end of its axis is not."""
    axes = [each for one in figure.axes for each in (one, *one.child_axes)]
    ticks = [(tick, axis) for one in axes for axis in (one.xaxis, one.yaxis) for tick in axis.get_major_ticks()]
    beyond = {
        label
        for tick, axis in ticks
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    return [text for text in texts if text not in beyond]


def assert_legible(figure: Figure) -> None:
    """All words are on the page, and none lies on another."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in words(figure)]
    for each in boxes:
        assert min(each.x0, each.y0) >= 0
        assert each.x1 <= figure.bbox.x1
        assert each.y1 <= figure.bbox.y1
    assert [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])] == []


def test_the_curve_goes_through_the_means_at_its_numbers() -> None:
    line = named(curve(OURS, FULL), "ours")
    assert np.allclose(line.get_ydata(), [0.8, 0.85, 0.9])
    assert np.allclose(line.get_xdata(), [1, 2, 4])


def test_an_axis_of_doublings_is_logarithmic_and_says_the_numbers() -> None:
    axes = curve(OURS).axes[0]
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "2", "4"]
    assert axes.get_xlabel() == "number of finely labelled patients"
    assert "Dice" in axes.get_ylabel()


def test_the_band_goes_along_both_ends_of_the_intervals() -> None:
    (band, *_) = curve(OURS).axes[0].collections
    corners = {(round(float(x), 3), round(float(y), 3)) for x, y in band.get_paths()[0].vertices}
    assert corners == {(1, 0.75), (2, 0.8), (4, 0.85), (1, 0.85), (2, 0.9), (4, 0.95)}


def test_full_supervision_goes_across_and_single_draws_are_circles() -> None:
    figure = curve(OURS, FULL)
    across = named(figure, "full")
    assert np.allclose(across.get_xdata(), [0, 1])  # of the width of the axes
    assert np.allclose(across.get_ydata(), 0.95)
    circles = [line for line in figure.axes[0].get_lines() if line.get_markerfacecolor() == "white"]
    assert [y for line in circles for y in line.get_ydata()] == [0.7, 0.9]


def test_every_method_has_a_look_of_its_own_without_its_colour() -> None:
    figure = curve(*(Line(f"m{i}", OURS.points) for i in range(30)), OURS, Line("unfinished", ()))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [*(f"m{i}" for i in range(30)), "ours"]
    looks = {(named(figure, label).get_marker(), str(named(figure, label)._dash_pattern)) for label in labels}
    assert len(looks) == 31


def test_our_colour_is_ours_alone_and_it_is_drawn_on_top() -> None:
    others = [Line(f"m{i}", OURS.points) for i in range(9)]
    figure = curve(*others, OURS)
    assert named(figure, "ours").get_color() == COLOURS[0]
    assert all(named(figure, line.label).get_color() != COLOURS[0] for line in others)
    assert named(figure, "ours").get_zorder() > max(named(figure, line.label).get_zorder() for line in others)
    weights = {text.get_text(): text.get_fontweight() for text in figure.legends[0].get_texts()}
    assert (weights["ours"], weights["m0"]) == ("bold", "normal")


def test_methods_stand_side_by_side_around_their_number() -> None:
    figure = curve(OURS, *(Line(f"m{i}", OURS.points) for i in range(6)), FULL)
    first = [float(named(figure, label).get_xdata()[0]) for label in ("ours", *(f"m{i}" for i in range(6)))]
    assert len(set(first)) == 7
    assert np.prod(first) == pytest.approx(1.0)
    assert 0.85 < min(first) < max(first) < 1.2


def test_one_bad_draw_does_not_squeeze_the_others_and_is_an_arrow_at_the_edge() -> None:
    bad = Line("bad", (Point(1, 0.6, (0.1, 0.8), (0.1, 0.85)), Point(2, 0.85, (0.8, 0.9), (0.85,))))
    figure = curve(bad, OURS)
    start = 0.6 - (0.9 - 0.6) / 2
    assert figure.axes[0].get_ylim()[0] == pytest.approx(start)
    (arrow,) = [line for line in figure.axes[0].get_lines() if line.get_marker() == "v"]
    assert arrow.get_ydata() == pytest.approx([start])
    assert arrow.get_color() == named(figure, "bad").get_color()
    assert axis_start([OURS, ALONE]) is None
    assert curve(OURS, ALONE).axes[0].get_ylim()[0] < 0.5


@pytest.mark.parametrize(
    "lines", [[OURS, ALONE, FULL, LONG], [Line(LONG.label + str(i), OURS.points) for i in range(20)], [FULL], []]
)
def test_no_words_are_cut_off_or_on_top_of_each_other(lines: list[Line]) -> None:
    assert_legible(curve(*lines))


def test_a_sign_stays_beside_what_it_belongs_to() -> None:
    lines = wrapped("ours + separate norm, prior, − factorisation, 3 × longer", 26).split("\n")
    assert lines == ["ours + separate norm,", "prior, −\xa0factorisation,", "3\xa0×\xa0longer"]


def test_the_same_figure_gives_the_same_small_file_with_words_in_it(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        write_figure(curve(OURS, ALONE, FULL), tmp_path / name)
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "b.svg").read_text(encoding="utf-8")
    assert ">alone &amp; &lt;fine&gt;</text>" in text
    assert "date" not in text.lower()
    assert len(text) < 40_000

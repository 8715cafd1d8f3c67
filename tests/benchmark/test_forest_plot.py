"""One number of fine labels: a row for each method, a circle for each draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from test_figure import assert_legible

from cladeseg.benchmark.figure import COLOURS, GREY, Line, Point, write_figure
from cladeseg.benchmark.forest_plot import forest_plot

OURS = Line("ours", (Point(1, 0.8, (0.75, 0.85), (0.7, 0.8, 0.9)),), strong=True)
ALONE = Line("alone & <fine>", (Point(1, 0.6, (0.5, 0.7), (0.6,)),))
FULL = Line("full", (Point(None, 0.95, (0.9, 1.0), (0.95,)),))


@pytest.fixture
def figure() -> Figure:
    return forest_plot([ALONE, OURS, FULL, Line("unfinished", ())], title="a title")


def place(figure: Figure, row: int) -> float:
    return float(figure.axes[0].get_yticks()[row + 1])


def marks(figure: Figure, row: int, marker: str) -> list[Line2D]:
    lines = [line for line in figure.axes[0].get_lines() if line.get_marker() == marker]
    return [line for line in lines if len(line.get_ydata()) and line.get_ydata()[0] == place(figure, row)]


def scores(figure: Figure) -> list[str]:
    (right,) = figure.axes[0].child_axes
    return [tick.get_text() for tick in right.get_yticklabels()]


def test_the_best_method_is_on_top_and_ours_is_bold(figure: Figure) -> None:
    ticks = figure.axes[0].get_yticklabels()
    assert [tick.get_text() for tick in ticks] == ["method", "full (all\xa0fine)", "ours", "alone & <fine>"]
    assert [tick.get_fontweight() for tick in ticks] == ["normal", "normal", "bold", "normal"]
    assert place(figure, 0) < place(figure, 1) < place(figure, 2)
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > place(figure, 2) > place(figure, 0) > top


def test_scores_stand_beside_their_rows_under_a_title(figure: Figure) -> None:
    assert scores(figure) == [
        "Dice [95 % CI]",
        "0.950 [0.900, 1.000]",
        "0.800 [0.750, 0.850]",
        "0.600 [0.500, 0.700]",
    ]
    assert scores(forest_plot([Line("one draw", (Point(1, 0.5),))], title=""))[1:] == ["0.500"]


def test_circles_bars_and_marks_lie_at_their_scores(figure: Figure) -> None:
    (circles,), (mark,) = marks(figure, 1, "o"), marks(figure, 1, "|")
    assert np.allclose(circles.get_xdata(), [0.7, 0.8, 0.9])
    assert np.allclose(mark.get_xdata(), 0.8)
    bars = [path for bar in figure.axes[0].collections for path in bar.get_segments()]
    (ours,) = [bar for bar in bars if bar[0][1] == place(figure, 1)]
    assert np.allclose(ours[:, 0], [0.75, 0.85])


def test_full_supervision_is_grey_without_draws_and_its_score_goes_through_all_rows(figure: Figure) -> None:
    assert marks(figure, 0, "o") == []
    (mark,), (ours,), (other,) = (marks(figure, row, "|") for row in range(3))
    assert [line.get_color() for line in (mark, ours, other)] == [GREY, *COLOURS[:2]]
    (across,) = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == "--"]
    assert np.allclose(across.get_xdata(), 0.95)
    assert np.allclose(across.get_ydata(), [0, 1])  # of the height of the axes


def test_the_number_of_patients_and_the_score_are_named(figure: Figure) -> None:
    assert figure.axes[0].get_title() == "a title, n = 1"
    assert "Dice" in figure.axes[0].get_xlabel()


def test_a_draw_before_the_axis_is_an_arrow_with_its_number() -> None:
    bad = Line("bad", (Point(1, 0.7, (0.3, 0.85), (0.2, 0.85)),))
    figure = forest_plot([OURS, ALONE, bad], title="")
    assert figure.axes[0].get_xlim()[0] == pytest.approx(0.6 - (0.8 - 0.6) / 2)
    assert [text.get_text() for text in figure.axes[0].texts] == ["◂ 0.200"]


@pytest.mark.parametrize(
    "label", ["ours", "a method whose name is as long as its idea, − factorisation and 3 × longer"]
)
@pytest.mark.parametrize("rows", [0, 1, 40])
def test_no_words_are_cut_off_or_on_top_of_each_other(label: str, rows: int) -> None:
    assert_legible(forest_plot([FULL, *(Line(f"{label} {i}", OURS.points) for i in range(rows))], title="a title"))


def test_the_same_figure_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        write_figure(forest_plot([ALONE, OURS, FULL], title="a title"), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()

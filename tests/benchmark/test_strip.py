"""One number of fine labels: a row for each method, a circle for each draw."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from cladeseg.benchmark.figure import write_figure
from cladeseg.benchmark.svg import Line, Point

OURS = Line("ours", (Point(1, 0.8, 0.75, 0.85, (0.7, 0.8, 0.9)),), strong=True)
ALONE = Line("alone & <fine>", (Point(1, 0.6, 0.5, 0.7, (0.6,)),))
FULL = Line("full", (Point(None, 0.95, 0.9, 1.0, (0.95,)),))


@pytest.fixture
def root(tmp_path: Path) -> ElementTree.Element:
    write_figure([ALONE, OURS, FULL, Line("unfinished", ())], tmp_path / "dice.svg", title="a title")
    return ElementTree.parse(tmp_path / "dice.svg").getroot()


def of_class(root: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if element.get("class") == kind]


def method(root: ElementTree.Element, label: str) -> ElementTree.Element:
    return next(group for group in of_class(root, "method") if group.get("data-label") == label)


def values(root: ElementTree.Element, elements: list[ElementTree.Element], key: str) -> list[float]:
    """What the axis says, from its first and last tick."""
    ticks = [(float(t.text or ""), float(t.attrib["x"])) for t in of_class(root, "tick-x")]
    (low, left), (high, right) = ticks[0], ticks[-1]
    return [low + (float(e.attrib[key]) - left) / (right - left) * (high - low) for e in elements]


def test_the_best_method_is_on_top_and_ours_is_bold(root: ElementTree.Element) -> None:
    assert [text.text for text in of_class(root, "row")] == ["full (all fine)", "ours", "alone & <fine>"]
    heights = [float(text.attrib["y"]) for text in of_class(root, "row")]
    assert heights == sorted(heights)
    assert [text.get("font-weight") for text in of_class(root, "row")] == [None, "bold", None]
    assert [text.text for text in of_class(root, "score")] == ["0.950", "0.800", "0.600"]


def test_circles_bars_and_marks_lie_where_the_axis_says(root: ElementTree.Element) -> None:
    ours = method(root, "ours")
    assert values(root, of_class(ours, "draw"), "cx") == pytest.approx([0.7, 0.8, 0.9], abs=0.001)
    assert values(root, of_class(ours, "mean"), "x1") == pytest.approx([0.8], abs=0.001)
    interval = of_class(ours, "interval")
    ends = values(root, interval, "x1") + values(root, interval, "x2")
    assert ends == pytest.approx([0.75, 0.85], abs=0.001)


def test_full_supervision_has_no_draws_and_a_line_through_all_rows(root: ElementTree.Element) -> None:
    full = method(root, "full")
    assert of_class(full, "draw") == []
    (across,) = of_class(full, "across")
    rows = [float(text.attrib["y"]) for text in of_class(root, "row")]
    assert float(across.attrib["y1"]) < min(rows) < max(rows) < float(across.attrib["y2"])
    assert of_class(method(root, "ours"), "across") == []


def test_the_number_of_patients_is_in_the_title(root: ElementTree.Element) -> None:
    assert next(e.text for e in of_class(root, "label")) == "a title, n = 1"


def test_every_row_is_on_the_page(root: ElementTree.Element) -> None:
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    words = [text for text in root.iter() if text.tag.endswith("text")]
    assert all(0 < float(text.attrib["y"]) < height and float(text.attrib["x"]) < width - 40 for text in words)


def test_a_long_label_has_room_on_its_left(tmp_path: Path) -> None:
    write_figure([Line("w" * 60, OURS.points), ALONE], tmp_path / "dice.svg", title="")
    (longest, _) = of_class(ElementTree.parse(tmp_path / "dice.svg").getroot(), "row")
    assert float(longest.attrib["x"]) > 7 * 60

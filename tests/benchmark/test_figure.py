from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from cladeseg.benchmark.figure import draw_figure, write_figure
from cladeseg.benchmark.svg import Line, Point, nice_ticks

SVG = "{http://www.w3.org/2000/svg}"
OURS = Line("ours", (Point(1, 0.8, 0.75, 0.85, (0.7, 0.9)), Point(2, 0.85, 0.8, 0.9), Point(4, 0.9, 0.85, 0.95)))
ALONE = Line("alone & <fine>", (Point(1, 0.6, 0.5, 0.7),))
FULL = Line("full", (Point(None, 0.95, 0.9, 1.0),))


def parsed(tmp_path: Path, *lines: Line) -> ElementTree.Element:
    write_figure(lines, tmp_path / "dice.svg", title="a title")
    return ElementTree.parse(tmp_path / "dice.svg").getroot()


def of_class(root: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if element.get("class") == kind]


def corners(element: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in element.attrib["points"].split())]


def method(root: ElementTree.Element, label: str) -> ElementTree.Element:
    return next(group for group in of_class(root, "method") if group.get("data-label") == label)


def value_at(root: ElementTree.Element, y: float) -> float:
    """What the axis says at a height, from its lowest and highest tick."""
    ticks = [(float(t.text or ""), float(t.attrib["y"]) - 4) for t in of_class(root, "tick-y")]
    (low, bottom), (high, top) = ticks[0], ticks[-1]
    return low + (bottom - y) / (bottom - top) * (high - low)


def test_the_curve_lies_where_the_axes_say(tmp_path: Path) -> None:
    root = parsed(tmp_path, OURS, FULL)
    curve = next(e for e in of_class(method(root, "ours"), "mean") if e.tag == f"{SVG}polyline")
    assert [value_at(root, y) for _, y in corners(curve)] == pytest.approx([0.8, 0.85, 0.9], abs=0.001)
    ticks = {text.text: float(text.attrib["x"]) for text in of_class(root, "tick-x")}
    assert [x for x, _ in corners(curve)] == pytest.approx([ticks["1"], ticks["2"], ticks["4"]], abs=0.1)
    assert ticks["2"] - ticks["1"] == pytest.approx(ticks["4"] - ticks["2"], abs=0.2)  # doubling is one step


def test_the_band_goes_along_the_upper_ends_and_back_along_the_lower(tmp_path: Path) -> None:
    root = parsed(tmp_path, OURS)
    (band,) = of_class(method(root, "ours"), "band")
    values = [value_at(root, y) for _, y in corners(band)]
    assert values == pytest.approx([0.85, 0.9, 0.95, 0.85, 0.8, 0.75], abs=0.001)


def test_full_supervision_goes_across_and_single_draws_are_circles(tmp_path: Path) -> None:
    root = parsed(tmp_path, OURS, FULL)
    (across,) = of_class(method(root, "full"), "mean")
    assert corners(across)[0][0] == 64
    assert corners(across)[-1][0] == 600
    draws = [value_at(root, float(circle.attrib["cy"])) for circle in of_class(method(root, "ours"), "draw")]
    assert draws == pytest.approx([0.7, 0.9], abs=0.001)


def test_every_method_is_in_the_legend_in_a_look_of_its_own(tmp_path: Path) -> None:
    lines = [Line(f"m{i}", OURS.points) for i in range(20)] + [ALONE, Line("unfinished", ())]
    root = parsed(tmp_path, *lines)
    assert [text.text for text in of_class(root, "legend")] == [line.label for line in lines[:-1]]
    looks = [e for e in root.iter(f"{SVG}line") if e.get("class") == "look"]
    assert len({(e.get("stroke"), e.get("stroke-dasharray")) for e in looks}) == len(looks) == 21
    height = float(root.attrib["viewBox"].split()[-1])
    assert all(float(text.attrib["y"]) < height for text in of_class(root, "legend"))


def test_everything_lies_on_the_page(tmp_path: Path) -> None:
    root = parsed(tmp_path, OURS, ALONE, FULL)
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    for element in root.iter():
        if "points" in element.attrib:
            assert all(0 <= x <= width and 0 <= y <= height for x, y in corners(element))


def test_methods_stand_side_by_side_and_ours_is_drawn_last(tmp_path: Path) -> None:
    ours = Line("ours", OURS.points, strong=True)
    others = [Line(f"m{i}", OURS.points) for i in range(6)]
    root = parsed(tmp_path, ours, *others, FULL)
    assert of_class(root, "method")[-1].get("data-label") == "ours"
    marks = [e for e in of_class(root, "mean") if e.tag == f"{SVG}circle"]
    first = {float(e.attrib["cx"]) for e in marks if value_at(root, float(e.attrib["cy"])) < 0.82}
    assert len(first) == 7
    (tick,) = [float(text.attrib["x"]) for text in of_class(root, "tick-x") if text.text == "1"]
    assert sum(first) / 7 == pytest.approx(tick, abs=0.2)
    assert max(first) - min(first) < 60
    assert next(e for e in of_class(root, "legend") if e.text == "ours").get("font-weight") == "bold"


def test_an_interval_is_drawn_at_each_mean(tmp_path: Path) -> None:
    intervals = of_class(method(parsed(tmp_path, OURS), "ours"), "interval")
    root = parsed(tmp_path, OURS)
    ends = [(value_at(root, float(e.attrib["y1"])), value_at(root, float(e.attrib["y2"]))) for e in intervals]
    assert ends == [pytest.approx((low, low + 0.1), abs=0.001) for low in (0.75, 0.8, 0.85)]


def test_an_empty_grid_can_be_drawn(tmp_path: Path) -> None:
    assert of_class(parsed(tmp_path), "method") == []
    assert len(of_class(draw_figure([FULL], title=""), "method")) == 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.61, 0.88, (0.6, 0.7, 0.8, 0.9)),
        (0.0, 1.0, (0.0, 0.5, 1.0)),
        (0.801, 0.809, (0.8, 0.802, 0.804, 0.806, 0.808, 0.81)),
        (0.5, 0.5, (0.5, 0.5005)),
    ],
)
def test_ticks_are_round_and_enclose_the_values(low: float, high: float, expected: tuple[float, ...]) -> None:
    assert nice_ticks(low, high) == pytest.approx(expected)

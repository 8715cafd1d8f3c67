"""The frame of a page: complete in itself, and safe whatever the data are called."""

from __future__ import annotations

import re

import pytest
from jinja2 import UndefinedError

from cladeseg.report import Block, anchor, line_chart, number_cell, render_page, row_chart, text_cell, write_page
from cladeseg.report.charts import Row

NASTY = "<script>alert(1)</script>\"'&"


def table(*names: str) -> Block:
    rows = [[text_cell(name), number_cell(0.5)] for name in names]
    content = {"caption": NASTY, "header": ["case", NASTY], "rows": rows, "filter": True, "sortable": True, "notes": []}
    return Block("table", NASTY, content)


def test_texts_of_the_data_are_escaped_everywhere():
    page = render_page(NASTY, [table(NASTY), Block("notes", "Notes", {"notes": [NASTY]})], subtitle=NASTY)
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 7


def test_json_of_a_block_cannot_end_its_script():
    case = {"name": "</script><script>alert(1)</script>", "volumes": {}}
    content = {"cases": [case], "nodes": [], "layers": ["prediction"], "uncertainty": False, "lut": {}}
    assert "<script>alert(1)" not in render_page("t", [Block("viewer", "Viewer", content)])


def test_a_page_names_nothing_outside_itself():
    page = render_page("t", [table("a")])
    assert re.findall(r"(?:src|href)=\"(?!#|data:)[^\"]*\"", page) == []
    assert "default-src 'none'" in page


def test_the_viewer_travels_only_where_it_is_used():
    content = {"cases": [], "nodes": [], "layers": [], "uncertainty": False, "lut": {}}
    with_viewer = render_page("t", [Block("viewer", "Viewer", content)])
    assert "BSD 2-Clause License" in with_viewer
    assert len(with_viewer) > 1_000_000
    assert len(render_page("t", [table("a")])) < 50_000


def test_a_missing_value_is_an_error():
    with pytest.raises(UndefinedError):
        render_page("t", [Block("notes", "Notes", {})])


def test_sections_can_be_linked_to():
    page = render_page("t", [Block("notes", "Every case", {"notes": []})])
    assert 'href="#every-case"' in page
    assert 'id="every-case"' in page
    assert anchor("A: b/c") == "a-b-c"


def test_a_page_is_written_whole(tmp_path):
    page = write_page(tmp_path / "new" / "page.html", "t", [])
    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_a_row_chart_puts_values_in_proportion():
    chart = row_chart([Row("a", [0.0, 1.0, 0.5], 0.5, (0.25, 0.75))], x_label="x", description="d", reference=0.5)
    low, high, middle = (x for x, *_ in chart.points)
    assert middle == pytest.approx((low + high) / 2, abs=0.1)
    (reference, interval, mean) = chart.segments
    assert reference[0] == mean[0] == pytest.approx(middle, abs=0.1)
    assert interval[2] - interval[0] == pytest.approx((high - low) / 2, abs=0.2)


def test_a_line_chart_grows_upwards_and_has_round_ticks():
    chart = line_chart({"loss": [(1, 2.0), (2, 1.0)]}, x_label="epoch", y_label="loss", description="d")
    (_, first, *_), (_, second, *_) = chart.points
    assert first < second  # pixels count from the top
    assert [text for _, text in chart.y_ticks] == ["0.0", "0.5", "1.0", "1.5", "2.0"]


def test_charts_of_one_value_and_of_none_are_drawn():
    assert row_chart([Row("a", [0.5], 0.5, (0.5, 0.5))], x_label="x", description="d").points
    assert row_chart([Row("a")], x_label="x", description="d").points == []

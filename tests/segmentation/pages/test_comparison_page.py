"""Two runs side by side: what got worse comes first."""

from __future__ import annotations

import re

import pytest
from page_runs import SHIFTS, evaluated_run

from cladeseg.files import DataError
from cladeseg.segmentation.pages import write_report


def rows_of(page: str, section: str) -> list[list[str]]:
    table = re.search(rf'<table id="{section}-table".*?</table>', page, re.DOTALL)
    assert table is not None
    return [re.findall(r">([^<>\n]+)<", row) for row in re.findall(r"<tr>.*?</tr>", table[0], re.DOTALL)[1:]]


def test_a_planted_regression_comes_first(tmp_path, acdc_tree):
    first = evaluated_run(tmp_path / "A", acdc_tree, SHIFTS)
    second = evaluated_run(tmp_path / "B", acdc_tree, {**SHIFTS, "f": 4})
    page = write_report([first.root, second.root], tmp_path / "page.html").read_text(encoding="utf-8")
    rows = rows_of(page, "every-case")
    assert rows[0][0] == "f"
    assert rows[0][2].startswith("−0.")
    assert all(row[2] in {"+0.000", "−0.000"} for row in rows[1:])
    assert "f (second)" in page


def test_differences_are_the_second_minus_the_first_with_an_interval(tmp_path, acdc_tree):
    first = evaluated_run(tmp_path / "A", acdc_tree, dict.fromkeys("abcdef", 2))
    second = evaluated_run(tmp_path / "B", acdc_tree, dict.fromkeys("abcdef", 0))
    page = write_report([first.root, second.root], tmp_path / "page.html").read_text(encoding="utf-8")
    row = next(row for row in rows_of(page, "difference-per-structure") if row[0] == "left_ventricle")
    before, after, difference = row[1:4]
    assert after == "1.000"
    assert difference.startswith(f"+{1 - float(before):.3f} [+")
    assert row[-1] == "better"


def test_cases_of_one_run_alone_are_left_out_and_counted(tmp_path, acdc_tree):
    first = evaluated_run(tmp_path / "A", acdc_tree, {"a": 0, "b": 1})
    second = evaluated_run(tmp_path / "B", acdc_tree, {"a": 0, "c": 1})
    page = write_report([first.root, second.root], tmp_path / "page.html").read_text(encoding="utf-8")
    assert [row[0] for row in rows_of(page, "every-case")] == ["a"]
    assert "1 cases of the first run are not in the other one and are left out." in page


def test_what_cannot_be_compared_is_refused(tmp_path, acdc_tree):
    first = evaluated_run(tmp_path / "A", acdc_tree, {"a": 0})
    second = evaluated_run(tmp_path / "B", acdc_tree, {"b": 0})
    with pytest.raises(DataError, match="no case in common"):
        write_report([first.root, second.root], tmp_path / "page.html")
    with pytest.raises(DataError, match="one folder too many"):
        write_report([first.root, second.root, first.root])

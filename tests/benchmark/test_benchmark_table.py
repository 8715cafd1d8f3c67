from __future__ import annotations

import csv
from dataclasses import asdict
from pathlib import Path

import pytest
from grids import case_row, grid, key

from cladeseg.benchmark.grid import GridMethod
from cladeseg.benchmark.results_page import figure_lines, write_results
from cladeseg.benchmark.runs import RunKey, choice_file
from cladeseg.benchmark.store import CaseRow, ResultStore, RunRow
from cladeseg.benchmark.table import TableRow, gap_markdown, part_of, table_markdown, table_rows, write_table_csv
from cladeseg.files import write_json

SCORES = {"full": 0.875, "alone": 0.5, "ours": 0.75}


def filled(folder: Path) -> ResultStore:
    """Both draws at n = 1; at n = 2 one failure and nothing else."""
    store = ResultStore(folder)
    for run in [key("full", "all"), *(key(name, 1, draw) for name in ("alone", "ours") for draw in (0, 1))]:
        store.add(finished(run), cases(run))
    store.add(RunRow(**asdict(key("ours", 2)), status="failed", message="killed by SIGKILL"))
    store.add(finished(key("ours", 1, 5)), cases(key("ours", 1, 5)))  # of another grid
    return store


def finished(run: RunKey) -> RunRow:
    dice = SCORES[run.method] + 0.0625 * run.draw
    return RunRow(
        **asdict(run), status="finished", dice=dice, iou=0.5, hd95_mm=2.0, seconds=100.0 + run.draw, peak_mb=900.0
    )


def cases(run: RunKey) -> list[CaseRow]:
    dice = SCORES[run.method] + 0.0625 * run.draw
    missed = {"status": "missed", "hd95_mm": None} if run.method == "alone" else {}
    return [case_row(run, "a1", dice + 0.0625), case_row(run, "b1", dice - 0.0625, **missed)]


def row_of(rows: list[TableRow], method: str, n: int | str) -> TableRow:
    return next(row for row in rows if (row.method, row.n) == (method, n))


def test_a_row_holds_the_cell_and_its_place_between_the_two_brackets(tmp_path: Path) -> None:
    rows = table_rows(grid(), filled(tmp_path))
    ours = row_of(rows, "ours", 1)
    assert (ours.planned, ours.finished, ours.failed, ours.draws) == (2, 2, 0, 2)
    assert ours.dice["mean"] == pytest.approx(0.78125)
    assert ours.worst_draw == pytest.approx(0.75)
    assert ours.over_lower["mean"] == pytest.approx(0.25)
    assert ours.under_upper["mean"] == pytest.approx(0.78125 - 0.875)
    assert ours.gap_closed["mean"] == pytest.approx(0.5 / (0.375 + 0.3125))
    assert (ours.seconds, ours.peak_mb, ours.hd95_mm) == (100.5, 900.0, 2.0)
    assert row_of(rows, "fine alone", 1).missed == 2


def test_a_failed_run_is_counted_and_scores_nothing(tmp_path: Path) -> None:
    rows = table_rows(grid(), filled(tmp_path))
    row = row_of(rows, "ours", 2)
    assert (row.finished, row.failed, row.dice["mean"], row.iou, row.seconds) == (0, 1, None, None, None)
    text = table_markdown(rows)
    assert "| ours | 2 | 0 of 2, 1 failed | 0 | – | – | – | – | – |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_the_place_between_the_brackets_is_told_of_the_others(tmp_path: Path) -> None:
    rows = table_rows(grid(), filled(tmp_path))
    text = gap_markdown(grid(), rows)
    assert [line.split(" | ")[:2] for line in text.splitlines()[2:]] == [["| ours", "1"], ["| ours", "2"]]
    assert "| ours | 1 | +0.250 [+0.250, +0.250] | -0.094 [" in text
    assert gap_markdown(grid(upper=None), rows) == ""


def test_runs_of_other_grids_in_the_folder_are_left_out(tmp_path: Path) -> None:
    runs, found = part_of(grid(), filled(tmp_path))
    assert {row.draw for row in runs} == {row.draw for row in found} == {0, 1}


def test_a_method_is_not_compared_with_itself(tmp_path: Path) -> None:
    full = row_of(table_rows(grid(), filled(tmp_path)), "all fine", "all")
    assert full.under_upper["mean"] is None
    assert full.over_lower["mean"] is None  # nothing is drawn, so that no draw of fine-only is its pair


def test_the_csv_has_a_column_for_each_end_of_an_interval(tmp_path: Path) -> None:
    rows = table_rows(grid(), filled(tmp_path))
    write_table_csv(rows, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    ours = next(row for row in found if (row["method"], row["n"]) == ("ours", "1"))
    assert float(ours["dice"]) == pytest.approx(0.78125)
    assert float(ours["dice_low"]) <= float(ours["dice"]) <= float(ours["dice_high"])
    assert next(row for row in found if row["n"] == "2")["dice"] == ""


# ---- the page --------------------------------------------------------------------------------------------------------


def test_the_figure_gets_the_cells_that_have_scores(tmp_path: Path) -> None:
    _, found = part_of(grid(), filled(tmp_path))
    lines = {line.label: line.points for line in figure_lines(grid(), found)}
    assert [point.n for point in lines["all fine"]] == [None]
    assert [(point.n, point.mean, point.draws) for point in lines["ours"]] == [(1, 0.78125, (0.75, 0.8125))]


def test_the_page_says_how_it_was_made_and_what_failed(tmp_path: Path) -> None:
    notes = ("the threshold was chosen on validation cases",)
    page = write_results(grid(notes=notes), filled(tmp_path), tmp_path / "docs", command="cladeseg benchmark labels g")
    text = page.read_text(encoding="utf-8")
    for wanted in ("`cladeseg benchmark labels g`", "5 of 9 runs", "torch ", "monai ", notes[0], "](dice.svg)"):
        assert wanted in text
    assert "2 test cases of 2 patients" in text
    assert "* ours_n2_d0_s0: killed by SIGKILL" in text
    assert "| fine alone | 1 | +0.250 [+0.250, +0.250] | 2 of 2 draws | 4 |" in text
    assert "| all fine | 1 | -0.094 [-0.125, -0.062] | 0 of 2 draws | 4 |" in text
    assert "| ours closes ≥ 80% of the gap between fine alone and all fine | 1 | **does not hold** | 73% [" in text
    assert "4 runs are missing: this is how it stands so far" in text
    assert "intervals tell little: fine alone, ours." in text
    assert "scored on **test cases**" in text
    assert "| all fine | 1 | -0.094 " in text
    assert {file.name for file in page.parent.iterdir()} == {"README.md", "dice.svg", "table.csv"}


def test_a_page_of_validation_cases_says_so(tmp_path: Path) -> None:
    page = write_results(grid(split="validation"), ResultStore(tmp_path), tmp_path / "docs", command="c")
    text = page.read_text(encoding="utf-8")
    assert "no result of the test part is here" in text
    assert "There is nothing to compare yet" in text


def test_what_each_part_brings_stands_apart_from_what_others_reach(tmp_path: Path) -> None:
    text = write_results(grid(ablations=("alone",)), filled(tmp_path), tmp_path / "docs", command="c").read_text()
    others, parts = (
        text.split(f"## {title}\n")[1].split("\n## ")[0] for title in ("Differences", "What each part brings")
    )
    assert "| fine alone | 1 | +0.250" in parts
    assert "| all fine | 1 |" not in parts
    assert "fine alone | 1 |" not in others
    assert "| all fine | 1 |" in others


def test_the_page_says_who_was_selected_and_how_that_did(tmp_path: Path) -> None:
    chosen = GridMethod(name="chosen", label="ours, selected", patients="select", n=(1,))
    store, one = filled(tmp_path), grid(methods=(*grid().methods[:1], grid().methods[2], chosen), lower=None)
    run = key("chosen")
    write_json({"patients": ["hippocampus_007"], "from": {}}, choice_file(tmp_path, run))
    store.add(
        RunRow(**asdict(run), status="finished", dice=0.8, seconds=1.0),
        [case_row(run, case, 0.8) for case in ("a1", "b1")],
    )
    text = write_results(one, store, tmp_path / "docs", command="c").read_text()
    assert "* ours, selected, n = 1, seed 0: hippocampus_007" in text
    assert (
        "* ours, selected, n = 1: Dice 0.800, not below 1 of 2 random draws of ours "
        "(percentile 50; they reach 0.750 to 0.812)"
    ) in text
    assert "select looks at images and superclass outlines of training patients only" in text
    assert '| ours, selected | `{"patients": "select"}` |' in text
    assert "| ours, selected | 1 | -0.019 [" in text  # the mean over both draws, 0.78125, minus 0.8


def test_the_settings_that_differ_stand_with_their_method(tmp_path: Path) -> None:
    methods = grid().methods
    changed = grid(methods=(*methods[:2], type(methods[2])(name="ours", overrides={"mix": False})))
    changed = type(changed)(**{**changed.__dict__, "overrides": {"epochs": 3}})
    text = write_results(changed, ResultStore(tmp_path), tmp_path / "docs", command="c").read_text()
    assert 'Every run: `{"epochs": 3}`' in text
    assert '| ours | `{"mix": false}` |' in text

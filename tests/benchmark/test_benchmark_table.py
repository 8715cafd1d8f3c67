from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from grids import REPOSITORY, case_row, grid, key

from cladeseg.benchmark import read_grid
from cladeseg.benchmark.grid import Grid, GridMethod
from cladeseg.benchmark.method_scores import GridScores
from cladeseg.benchmark.results_page import figure_lines, write_results
from cladeseg.benchmark.runs import RunKey
from cladeseg.benchmark.store import CaseRow, ResultStore, RunRow
from cladeseg.benchmark.table import results_table, rows_of

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


def table_of(one: Grid, store: ResultStore) -> pd.DataFrame:
    rows = rows_of(one, store)
    return results_table(one, rows, GridScores(one, rows.cases))


def section(page: Path, title: str) -> str:
    return page.read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]


def test_a_row_holds_the_scores_and_their_place_between_the_references(tmp_path: Path) -> None:
    table = table_of(grid(), filled(tmp_path))
    ours = table.loc[("ours", "1")]
    assert ours[["planned", "finished", "failed", "draws"]].tolist() == [2, 2, 0, 2]
    assert ours["dice"] == pytest.approx(0.78125)
    assert ours["worst_draw"] == pytest.approx(0.75)
    assert ours["over_lower"] == pytest.approx(0.25)
    assert ours["under_upper"] == pytest.approx(0.78125 - 0.875)
    assert ours["gap_closed"] == pytest.approx(0.5 / (0.375 + 0.3125))
    assert ours[["seconds", "peak_mb", "hd95_mm"]].tolist() == [100.5, 900.0, 2.0]
    assert table.loc[("alone", "1"), "missed"] == 2


def test_a_failed_run_is_counted_and_scores_nothing(tmp_path: Path) -> None:
    store = filled(tmp_path)
    row = table_of(grid(), store).loc[("ours", "2")]
    assert row[["finished", "failed", "draws"]].tolist() == [0, 1, 0]
    assert row[["dice", "iou", "seconds"]].isna().all()
    text = section(write_results(grid(), store, tmp_path / "docs", command="c"), "Scores").strip().split("\n\n")[0]
    assert "| ours | 2 | 0 of 2, 1 failed | 0 | – | – | – | – | – | – |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_a_run_that_did_not_learn_its_own_cases_is_called_untrained(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    for method, fit in (("ours", 0.76), ("alone", 0.74)):
        run = RunRow(**asdict(key(method)), status="finished", dice=0.5, fine_dice=fit)
        store.add(run, [case_row(key(method), case, 0.5) for case in ("a1", "b1")])
    text = section(write_results(grid(), store, tmp_path / "docs", command="c"), "Scores")
    assert "| 0.740, **untrained** |" in text
    assert "| 0.760 |" in text


def test_the_other_methods_stand_between_the_references(tmp_path: Path) -> None:
    page = write_results(grid(), filled(tmp_path), tmp_path / "docs", command="c")
    text = section(page, "Between lower and upper")
    rows = [line for line in text.splitlines() if line.startswith("| ours")]
    assert [line.split(" | ")[:2] for line in rows] == [["| ours", "1"], ["| ours", "2"]]
    assert "| ours | 1 | +0.250 [+0.250, +0.250] | -0.094 [" in text
    other = write_results(grid(upper=None), filled(tmp_path / "b"), tmp_path / "other", command="c")
    assert "Between lower and upper" not in other.read_text(encoding="utf-8")


def test_runs_of_other_grids_in_the_folder_are_left_out(tmp_path: Path) -> None:
    rows = rows_of(grid(), filled(tmp_path))
    assert set(rows.runs["draw"]) == set(rows.cases["draw"]) == {0, 1}
    assert rows.other_methods == {}


def test_rows_of_methods_that_the_grid_does_not_name_are_counted(tmp_path: Path) -> None:
    fewer = grid(methods=(grid().methods[0], grid().methods[2]), lower=None)
    page = write_results(fewer, filled(tmp_path), tmp_path / "docs", command="c").read_text(encoding="utf-8")
    assert "* 2 runs of 1 method that this grid does not name are left out: alone" in page
    assert "fine alone" not in page


def test_a_method_is_not_compared_with_itself(tmp_path: Path) -> None:
    full = table_of(grid(), filled(tmp_path)).loc[("full", "all")]
    assert pd.isna(full["under_upper"])
    assert pd.isna(full["over_lower"])  # nothing is drawn, so that no draw of fine-only is its pair


def test_the_csv_has_a_column_for_each_end_of_an_interval(tmp_path: Path) -> None:
    write_results(grid(), filled(tmp_path), tmp_path / "docs", command="c")
    found = pd.read_csv(tmp_path / "docs" / "table.csv")
    ours = found[found["method"] == "ours"].set_index("n").loc["1"]
    assert ours["dice"] == pytest.approx(0.78125)
    assert ours["dice_low"] <= ours["dice"] <= ours["dice_high"]
    assert found.loc[found["n"] == "2", "dice"].isna().all()


GRIDS = [read_grid(file) for file in sorted((REPOSITORY / "configs" / "benchmarks").glob("*.json"))]


@pytest.mark.parametrize(
    "one", [one for one in GRIDS if one.results and one.records and one.records.is_dir()], ids=lambda one: one.name
)
def test_published_tables_come_out_of_the_kept_results_again(tmp_path: Path, one: Grid) -> None:
    assert one.results is not None
    assert one.records is not None
    write_results(one, ResultStore(one.records), tmp_path, command="c")
    assert (tmp_path / "table.csv").read_text() == (one.results / "table.csv").read_text()


# ---- the page --------------------------------------------------------------------------------------------------------


def test_the_figure_gets_what_has_scores(tmp_path: Path) -> None:
    store = filled(tmp_path)
    scores = GridScores(grid(), rows_of(grid(), store).cases)
    lines = {line.label: line.points for line in figure_lines(grid(), table_of(grid(), store), scores)}
    assert [point.n for point in lines["all fine"]] == [None]
    assert [(point.n, point.mean, point.draws) for point in lines["ours"]] == [(1, 0.78125, (0.75, 0.8125))]


def test_the_page_says_how_it_was_made_and_what_failed(tmp_path: Path) -> None:
    notes = ("the threshold was chosen on validation cases",)
    page = write_results(grid(notes=notes), filled(tmp_path), tmp_path / "docs", command="cladeseg benchmark labels g")
    text = page.read_text(encoding="utf-8")
    for wanted in (
        "`cladeseg benchmark labels g`",
        "5 of 9 runs",
        "from the records of its runs",
        notes[0],
        "](dice.svg)",
    ):
        assert wanted in text
    assert "2 test cases of 2 patients" in text
    assert "* ours_n2_d0_s0: killed by SIGKILL" in text
    assert "| fine alone | 1 | +0.250 [+0.250, +0.250] | 2 of 2 draws | 4 |" in text
    assert "| all fine | 1 | -0.094 [-0.125, -0.062] | 0 of 2 draws | 4 |" in text
    assert "| ours closes ≥ 80% of the gap between fine alone and all fine | 1 | **does not hold** | 73% [" in text
    assert "4 runs are missing: this is how it stands so far" in text
    assert "intervals say little: fine alone, ours." in text
    assert "scored on **test cases**" in text
    assert "| all fine | 1 | -0.094 " in text
    assert {file.name for file in page.parent.iterdir()} == {"README.md", "dice.svg", "table.csv"}


def test_a_page_of_validation_cases_says_so(tmp_path: Path) -> None:
    page = write_results(grid(split="validation"), ResultStore(tmp_path), tmp_path / "docs", command="c")
    text = page.read_text(encoding="utf-8")
    assert "no result of the test part is here" in text
    assert "There is nothing to compare yet" in text


def test_what_each_part_brings_stands_apart_from_what_others_reach(tmp_path: Path) -> None:
    page = write_results(grid(ablations=("alone",)), filled(tmp_path), tmp_path / "docs", command="c")
    others, parts = (section(page, title) for title in ("Differences", "What each part brings"))
    assert "| fine alone | 1 | +0.250" in parts
    assert "| all fine | 1 |" not in parts
    assert "fine alone | 1 |" not in others
    assert "| all fine | 1 |" in others


def test_the_page_says_who_was_selected_and_how_that_did(tmp_path: Path) -> None:
    chosen = GridMethod(name="chosen", label="ours, selected", patients="select", n=(1,))
    store, one = filled(tmp_path), grid(methods=(*grid().methods[:1], grid().methods[2], chosen), lower=None)
    run = key("chosen")
    store.add(
        RunRow(**asdict(run), status="finished", dice=0.8, seconds=1.0),
        [case_row(run, case, 0.8) for case in ("a1", "b1")],
        {"fine_patients": ["hippocampus_007"]},
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
    methods = (*grid().methods[:2], GridMethod(name="ours", overrides={"amp": True}))
    changed = grid(methods=methods, overrides={"epochs": 3})
    text = write_results(changed, ResultStore(tmp_path), tmp_path / "docs", command="c").read_text()
    assert 'Every run: `{"epochs": 3}`' in text
    assert '| ours | `{"amp": true}` |' in text


def test_the_page_says_what_its_seeds_are(tmp_path: Path) -> None:
    own, one, several = (
        section(write_results(grid(seeds=seeds), ResultStore(tmp_path), tmp_path / "docs", command="c"), "Intervals")
        for seeds in (None, (7,), (0, 1))
    )
    assert "A draw comes with its seed: draw d has seed d, which fixes the split" in own
    assert "the intervals include the luck of all of them" in " ".join(own.split())
    assert "Every run has seed 7, which fixes" in one
    assert "the intervals do not include their luck" in " ".join(one.split())
    assert "The seeds are 0, 1;" in several
    assert "a draw of another seed counts as another draw" in " ".join(several.split())


def test_a_label_does_not_break_a_table(tmp_path: Path) -> None:
    methods = (*grid().methods[:2], GridMethod(name="ours", label="ours | theirs"))
    page = write_results(grid(methods=methods), filled(tmp_path), tmp_path / "docs", command="c")
    assert "| ours &#124; theirs | 1 |" in section(page, "Scores")

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from grids import case_row, key

from cladeseg.benchmark.store import CaseRow, ResultStore, RunRow, frame_of
from cladeseg.files import DataError


def finished(run=None, **values) -> RunRow:
    return RunRow(**asdict(run or key()), status="finished", **{"dice": 0.5, "seconds": 12.5, "cases": 4, **values})


def failed(run=None) -> RunRow:
    return RunRow(**asdict(run or key()), status="failed", message="out of memory, said the kernel")


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    runs = [finished(hd95_mm=None), failed(key(n=4)), finished(key("full", "all", draw=2, split="validation"))]
    cases = [case_row(key(), "a1", 0.25), case_row(key(), "a2", None, status="both_empty")]
    store = ResultStore(tmp_path)
    store.add(runs[0], cases, {"epochs": 3, "mix": {"weight": 0.5}})
    store.add(runs[1])
    store.add(runs[2])
    again = ResultStore(tmp_path)
    by = ["method", "n"]
    for found in (store, again):
        pd.testing.assert_frame_equal(
            found.runs.sort_values(by, ignore_index=True), ordered(frame_of(RunRow, runs), by)
        )
        pd.testing.assert_frame_equal(found.cases, frame_of(CaseRow, cases))
    assert again.finished(key("full", "all", draw=2, split="validation"))
    assert not again.finished(key("full", "all", draw=1, split="validation"))
    assert again.settings(key()) == {"epochs": 3, "mix": {"weight": 0.5}}
    assert again.settings(key(draw=9)) == {}


def ordered(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    return table.sort_values(by, ignore_index=True)


def test_a_run_is_a_small_file_of_its_own(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add(finished(message='NA, "quoted"'), [case_row(key(), "007", 1 / 3), case_row(key(), "a2", None)])
    file = tmp_path / "ours_n1_d0_s0_test.json"
    before = file.read_bytes()
    lines = before.decode().splitlines()
    assert json.loads(lines[4].strip(" ,")) == {
        "case": "007",
        "patient": "0",
        "node": "anterior",
        "status": "ok",
        "dice": 0.333333,
        "iou": 0.333333,
        "hd95_mm": 1.0,
    }
    ResultStore(tmp_path).add(finished(key(draw=1)), [case_row(key(draw=1), "a1", 0.5)])
    assert sorted(each.name for each in tmp_path.iterdir()) == [file.name, "ours_n1_d1_s0_test.json"]
    assert file.read_bytes() == before


def test_a_page_is_made_of_the_digits_that_are_kept(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add(finished(dice=1 / 3))
    assert store.runs["dice"].tolist() == ResultStore(tmp_path).runs["dice"].tolist() == [0.333333]


def test_a_finished_run_is_never_replaced(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add(finished())
    with pytest.raises(DataError, match=r"ours_n1_d0_s0_test.json: is there already"):
        store.add(finished(dice=0.9))
    assert ResultStore(tmp_path).runs["dice"].tolist() == [0.5]


def test_a_failed_run_has_no_score_and_is_tried_again(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add(failed())
    assert store.runs["dice"].isna().all()
    assert not store.finished(key())
    store.add(finished())
    assert store.finished(key())
    assert ResultStore(tmp_path).runs["status"].tolist() == ["finished"]


def test_finished_is_a_matter_of_the_scored_part(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add(finished())
    assert not store.finished(key(split="validation"))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: text[:40], "cannot be read"),
        (lambda text: text.replace('"cases": [', '"cassette": ['), "should hold run, settings and cases"),
        (lambda text: text.replace('"method"', '"methods"', 1), "run: method: Field required"),
        (lambda text: text.replace("12.5", '"soon"'), "run: seconds: Input should be a valid number"),
        (lambda text: text.replace('"case": "a1"', '"case": 1'), r"cases\[0\]: case: Input should be a valid string"),
        (lambda text: text.replace('"seed": 0', '"seed": 5'), "holds the result of ours_n1_d0_s5 on test cases"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage, says: str) -> None:
    store = ResultStore(tmp_path)
    store.add(finished(), [case_row(key(), "a1", 0.5)])
    file = store.file(key())
    file.write_text(damage(file.read_text()))
    with pytest.raises(DataError, match=says) as error:
        ResultStore(tmp_path)
    assert str(error.value).startswith(str(file))

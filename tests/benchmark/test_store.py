from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from grids import case_row, key

from cladeseg.benchmark import store as module
from cladeseg.benchmark.store import CaseRow, ResultStore, RunRow, frame_of
from cladeseg.files import DataError


def finished(run=None, **values) -> RunRow:
    return RunRow(**asdict(run or key()), status="finished", **{"dice": 0.5, "seconds": 12.5, "cases": 4, **values})


def failed(run=None) -> RunRow:
    return RunRow(**asdict(run or key()), status="failed", message="out of memory, said the kernel")


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    runs = [finished(hd95_mm=None), finished(key("full", "all", draw=2, split="validation")), failed(key(n=4))]
    cases = [case_row(key(), "a1", 0.25), case_row(key(), "a2", None, status="both_empty")]
    store = ResultStore(tmp_path)
    store.add(runs[0], cases)
    store.add(runs[1])
    store.add(runs[2])
    again = ResultStore(tmp_path)
    pd.testing.assert_frame_equal(again.runs, frame_of(RunRow, runs))
    pd.testing.assert_frame_equal(again.cases, frame_of(CaseRow, cases))
    assert again.finished(key("full", "all", draw=2, split="validation"))
    assert not again.finished(key("full", "all", draw=1, split="validation"))


def test_a_file_that_is_written_again_has_the_same_bytes(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add(
        finished(hd95_mm=None, message='NA, "quoted"'), [case_row(key(), "007", 1 / 3), case_row(key(), "a2", None)]
    )
    assert store.case_file.read_text().splitlines()[1] == "ours,1,0,0,test,007,0,anterior,0.333333,0.333333,1,ok"
    before = [file.read_bytes() for file in (store.run_file, store.case_file)]
    ResultStore(tmp_path).add(finished(key(draw=1)), [case_row(key(draw=1), "a1", 0.5)])
    again = [file.read_bytes() for file in (store.run_file, store.case_file)]
    assert all(new.startswith(old) and len(new) > len(old) for old, new in zip(before, again, strict=True))


def test_a_finished_run_is_never_replaced(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add(finished())
    with pytest.raises(DataError, match=r"runs.csv: ours_n1_d0_s0 is there already"):
        store.add(finished(dice=0.9))
    assert ResultStore(tmp_path).runs["dice"].tolist() == [0.5]


def test_a_failed_run_has_no_score_and_is_tried_again(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add(failed())
    assert "failed,,,,,," in store.run_file.read_text()
    assert not store.finished(key())
    store.add(finished())
    assert store.finished(key())
    assert ResultStore(tmp_path).runs["status"].tolist() == ["finished"]


def test_finished_is_a_matter_of_the_scored_part(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add(finished())
    assert not store.finished(key(split="validation"))


def test_a_kill_between_the_files_leaves_a_run_that_is_done_again(tmp_path: Path, monkeypatch) -> None:
    store, write = ResultStore(tmp_path), module.write_csv

    def kill(table, path):
        if path == store.run_file:
            raise KeyboardInterrupt
        write(table, path)

    monkeypatch.setattr(module, "write_csv", kill)
    with pytest.raises(KeyboardInterrupt):
        store.add(finished(), [case_row(key(), "a1", 0.25)])
    monkeypatch.setattr(module, "write_csv", write)
    again = ResultStore(tmp_path)
    assert not again.finished(key())
    again.add(finished(), [case_row(key(), "a1", 0.75)])
    assert ResultStore(tmp_path).cases["dice"].tolist() == [0.75]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: text.replace("method,", "methods,", 1), "the header is"),
        (lambda text: text.replace("12.5", "soon"), "line 2: 'soon' is no seconds"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage, says: str) -> None:
    store = ResultStore(tmp_path)
    store.add(finished())
    store.run_file.write_text(damage(store.run_file.read_text()))
    with pytest.raises(DataError, match=says) as error:
        ResultStore(tmp_path)
    assert str(error.value).startswith(str(store.run_file))

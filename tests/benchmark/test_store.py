from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from grids import case_row, key

from cladeseg.benchmark import store as module
from cladeseg.benchmark.store import ResultStore, RunRow, key_of
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
    assert (again.runs, again.cases) == (runs, cases)
    assert key_of(again.runs[1]) == key("full", "all", draw=2, split="validation")


def test_a_finished_run_is_never_replaced(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add(finished())
    with pytest.raises(DataError, match=r"runs.csv: ours_n1_d0_s0 is there already"):
        store.add(finished(dice=0.9))
    assert ResultStore(tmp_path).runs[0].dice == 0.5


def test_a_failed_run_has_no_score_and_is_tried_again(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add(failed())
    assert "failed,,,,,," in store.run_file.read_text()
    assert not store.finished(key())
    store.add(finished())
    assert store.finished(key())
    assert [row.status for row in ResultStore(tmp_path).runs] == ["finished"]


def test_finished_is_a_matter_of_the_scored_part(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add(finished())
    assert not store.finished(key(split="validation"))


def test_a_kill_between_the_files_leaves_a_run_that_is_done_again(tmp_path: Path, monkeypatch) -> None:
    store, write = ResultStore(tmp_path), module._write

    def kill(kind, rows, path):
        if kind is RunRow:
            raise KeyboardInterrupt
        write(kind, rows, path)

    monkeypatch.setattr(module, "_write", kill)
    with pytest.raises(KeyboardInterrupt):
        store.add(finished(), [case_row(key(), "a1", 0.25)])
    monkeypatch.setattr(module, "_write", write)
    again = ResultStore(tmp_path)
    assert not again.finished(key())
    again.add(finished(), [case_row(key(), "a1", 0.75)])
    assert [row.dice for row in ResultStore(tmp_path).cases] == [0.75]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: text.replace("method,", "methods,", 1), "the header is"),
        (lambda text: text.replace("12.5", "soon"), "line 2"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage, says: str) -> None:
    store = ResultStore(tmp_path)
    store.add(finished())
    store.run_file.write_text(damage(store.run_file.read_text()))
    with pytest.raises(DataError, match=says) as error:
        ResultStore(tmp_path)
    assert str(error.value).startswith(str(store.run_file))

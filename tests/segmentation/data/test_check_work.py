"""The check as tasks: what it finds is what threads find, and each result is good until a file of its case changes."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from cladeseg.bundle.shipped import find_bundle
from cladeseg.files import DataError
from cladeseg.segmentation.data import check_work
from cladeseg.segmentation.phantoms import write_msd_phantoms
from cladeseg.segmentation.workflow import check_for_training
from cladeseg.tasks import Machines

TREE = Path(find_bundle("hippocampus"), "configs", "taxonomy.json")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three cases, one of them with a broken label."""
    write_msd_phantoms(tmp_path / "D", cases=3, shape=(20, 24, 18), spacing=(2.0, 2.0, 2.0))
    broken = max((tmp_path / "D" / "labelsTr").iterdir())
    broken.write_bytes(broken.read_bytes()[:-20])
    return tmp_path / "D"


def check(data: Path, **options: Any) -> Any:
    return check_for_training(data, TREE, layout="msd", label_convention="msd", progress=False, **options)


def test_results_are_those_of_threads_and_are_kept_until_a_file_changes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_threads = check(data)
    assert in_threads.fatal
    as_tasks = check(data, results=tmp_path / "checked")
    assert as_tasks == in_threads
    read: list[str] = []
    plain = check_work.inspect_case
    monkeypatch.setattr(
        check_work,
        "inspect_case",
        lambda case, *more, **named: read.append(case["case"]) or plain(case, *more, **named),
    )
    assert check(data, results=tmp_path / "checked") == in_threads
    assert read == []
    write_msd_phantoms(tmp_path / "whole", cases=3, shape=(20, 24, 18), spacing=(2.0, 2.0, 2.0))
    repaired = max((data / "labelsTr").iterdir())
    repaired.write_bytes((tmp_path / "whole" / "labelsTr" / repaired.name).read_bytes())
    assert not check(data, results=tmp_path / "checked").fatal
    assert read == [repaired.name.removesuffix(".nii.gz")]


def test_the_work_goes_to_other_processes_with_the_bundles_preprocessing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    plain = check_work.examine_in_threads
    monkeypatch.setattr(
        "cladeseg.segmentation.data.dataset_check.examine_in_threads",
        lambda work, cases, **named: sent.append((work, cases)) or plain(work, cases, **named),
    )
    found = check(data)
    ((work, cases),) = sent
    assert pickle.loads(pickle.dumps(work)).examine(cases[0]) == found.inspections[0]


def test_several_processes_need_a_folder_for_results(data: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(DataError, match="results: a check on several processes needs a folder"):
        check(data, machines=Machines(scheduler="tcp://127.0.0.1:9"))

"""Independent tasks: each result is a file, failures are reported, and dead workers cost nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from planted_work import NotLoadable, PlantedWork

from cladeseg.files import DataError, read_json, write_json
from cladeseg.tasks import IN_PROCESS, End, Machines, Task, drop_stale, missing_tasks, raise_failures, run_tasks

with_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="needs the extra cladeseg[cluster]")
TWO = pytest.param(2, marks=with_dask)


def machines_of(workers: int | None) -> Machines:
    return IN_PROCESS if workers is None else Machines(workers=workers)


def tasks_in(folder: Path, number: int, **planted: dict[str, int]) -> list[Task]:
    """Tasks a, b, …; ``planted``: of one of them, what its work does."""
    names = [chr(ord("a") + i) for i in range(number)]
    arguments = [{"name": name, "number": i, **planted.get(name, {})} for i, name in enumerate(names)]
    return [Task(name, one, folder / f"{name}.json") for name, one in zip(names, arguments, strict=True)]


def lines(file: Path) -> list[str]:
    return file.read_text().split() if file.is_file() else []


@pytest.mark.parametrize("workers", [None, TWO])
def test_every_task_leaves_its_result_and_failures_do_not_stop_the_rest(tmp_path: Path, workers: int | None) -> None:
    """One suite for both ways: two faults pass, three are reported, and two deaths of workers cost nothing."""
    deaths = {} if workers is None else {"d": {"dies": 2}, "e": {"dies": 9}}
    tasks = tasks_in(tmp_path / "results", 6, b={"fails": 2}, c={"fails": 9}, **deaths)
    ends = list(run_tasks(PlantedWork(tmp_path), tasks, machines_of(workers)))
    assert len(ends) == 6
    given_up = {"c": "c: planted fault"} | ({} if workers is None else {"e": "3 workers died with it"})
    failed = {end.task.name: end.message for end in ends if end.message is not None}
    assert failed.keys() == given_up.keys()
    assert all(failed[name].startswith(message) for name, message in given_up.items())
    done = {task.name: read_json(task.file) for task in tasks if task.file.is_file()}
    squares = {task.name: {"name": task.name, "square": i * i} for i, task in enumerate(tasks)}
    assert done == {name: content for name, content in squares.items() if name not in given_up}
    calls = lines(tmp_path / "calls.txt")
    assert calls.count("c") == 3
    assert workers is None or calls.count("e") == 3
    assert [task.name for task in missing_tasks(tasks)] == sorted(given_up)


@with_dask
def test_a_worker_loads_the_work_once(tmp_path: Path) -> None:
    list(run_tasks(PlantedWork(tmp_path), tasks_in(tmp_path / "results", 9), Machines(workers=2)))
    loads = lines(tmp_path / "loads.txt")
    assert len(loads) == len(set(loads))
    assert 1 <= len(loads) <= 2


@with_dask
def test_work_that_no_worker_can_load_ends_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a worker cannot begin: planted: the model is not there"):
        list(run_tasks(NotLoadable(), tasks_in(tmp_path, 50), Machines(workers=1)))


@with_dask
def test_a_scheduler_and_two_workers_are_three_processes(tmp_path: Path) -> None:
    """The documented commands; results are those of this process."""
    file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    here = {"cwd": Path(__file__).parent, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = [*dask, "worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    started = [subprocess.Popen([*scheduler, "--scheduler-file", str(file)], **here)]
    try:
        started += [subprocess.Popen(worker, **here) for _ in range(2)]
        while not (file.is_file() and file.read_text().rstrip().endswith("}")):  # it is there before it is whole
            assert started[0].poll() is None
            time.sleep(0.05)
        tasks = tasks_in(tmp_path / "results", 12)
        machines = Machines(scheduler=read_json(file)["address"])
        ends = list(run_tasks(PlantedWork(tmp_path), tasks, machines))
        assert [end.message for end in ends] == [None] * 12
        assert [read_json(task.file)["square"] for task in tasks] == [i * i for i in range(12)]
        assert not set(lines(tmp_path / "loads.txt")) & {str(started[0].pid)}
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)


@with_dask
def test_a_scheduler_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cladeseg.tasks.cluster._CONNECT_S", 1)
    with pytest.raises(DataError, match=r"tcp://127\.0\.0\.1:9: no scheduler answers"):
        list(run_tasks(PlantedWork(tmp_path), tasks_in(tmp_path, 1), Machines(scheduler="tcp://127.0.0.1:9")))


def test_an_interrupt_is_no_failure_of_a_task(tmp_path: Path) -> None:
    def interrupted(argument: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_tasks(interrupted, tasks_in(tmp_path, 2)))


def test_work_may_write_its_result_itself(tmp_path: Path) -> None:
    tasks = tasks_in(tmp_path, 1)
    assert list(run_tasks(lambda argument: tasks[0].file.write_text("mine") and None, tasks)) == [End(tasks[0])]
    assert tasks[0].file.read_text() == "mine"


def test_failures_are_one_error_with_a_line_for_each_of_the_first(tmp_path: Path) -> None:
    tasks = tasks_in(tmp_path, 9)
    raise_failures([End(task) for task in tasks])
    failed = [End(task, None if task.name in "ab" else f"message {task.name}") for task in reversed(tasks)]
    with pytest.raises(DataError) as caught:
        raise_failures(failed, way_out="add --resume")
    head, *rest = str(caught.value).splitlines()
    assert head == "7 of 9 failed, the others are done; add --resume to do what is missing"
    assert rest == [*(f"  {name}: message {name}" for name in "cdefg"), "  and 2 more"]


def test_a_result_that_was_made_from_something_else_is_dropped(tmp_path: Path) -> None:
    tasks = [Task(name, {"made_from": {"files": [name]}}, tmp_path / f"{name}.json") for name in "abc"]
    for task, said in zip(tasks[:2], (["a"], ["other"]), strict=True):
        write_json({"made_from": {"files": said}}, task.file)
    drop_stale(tasks)
    assert [task.name for task in missing_tasks(tasks)] == ["b", "c"]

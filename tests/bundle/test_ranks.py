"""Several processes that train together: what they share, and what is said when one dies."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from cladeseg.bundle import lost_rank
from cladeseg.bundle.lost_rank import Roll
from cladeseg.bundle.ranks import (
    Ranks,
    average_gradients,
    check_joined,
    first_to_say,
    gathered,
    join_ranks,
    leave_ranks,
    mean_over_ranks,
    ranks,
)
from cladeseg.files import DataError

#: More than any process has.
_NO_PROCESS = 2**22 + 1


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _meet(index: int, port: int, results: Any) -> None:
    """What each of two processes does."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(index), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    join_ranks()
    weight = torch.nn.Parameter(torch.zeros(2, 3))
    unused = torch.nn.Parameter(torch.zeros(1))
    (weight * (index + 1)).sum().backward()
    average_gradients([weight, unused])
    speaks = first_to_say()
    results[index] = (
        ranks(),
        gathered(index * 10),
        mean_over_ranks(torch.tensor(index)),
        weight.grad,
        unused.grad,
        speaks,
    )
    leave_ranks()


@pytest.fixture(scope="module")
def met() -> dict[int, Any]:
    with mp.get_context("spawn").Manager() as manager:
        results = manager.dict()
        mp.spawn(_meet, (_free_port(), results), nprocs=2)
        return dict(results)


def test_each_process_knows_which_one_it_is(met: dict[int, Any]) -> None:
    assert [met[i][0] for i in range(2)] == [Ranks(0, 2), Ranks(1, 2)]


def test_values_are_gathered_in_the_order_of_the_processes(met: dict[int, Any]) -> None:
    assert [met[i][1] for i in range(2)] == [[0, 10], [0, 10]]


def test_means_and_gradients_are_those_over_all_processes(met: dict[int, Any]) -> None:
    for i in range(2):
        assert met[i][2].item() == 0.5
        assert torch.equal(met[i][3], torch.full((2, 3), 1.5))
        assert met[i][4] is None  # nothing to average


def test_of_processes_that_fail_together_one_speaks(met: dict[int, Any]) -> None:
    assert sorted(met[i][5] for i in range(2)) == [False, True]


def test_a_process_alone_needs_nobody() -> None:
    parameter = torch.nn.Parameter(torch.ones(1))
    parameter.grad = torch.tensor([3.0])
    average_gradients([parameter])
    assert ranks() == Ranks(0, 1)
    assert gathered("a") == ["a"]
    assert parameter.grad.item() == mean_over_ranks(torch.tensor(3.0)).item() == 3.0
    assert first_to_say()
    leave_ranks()


def test_the_overlay_without_torchrun_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(DataError, match=r"multi_gpu_train\.json: .* start them with torchrun"):
        join_ranks()


def test_torchrun_without_the_overlay_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "1")
    check_joined()
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(DataError, match=r"3 processes, and nothing joins them; .*multi_gpu_train\.json"):
        check_joined()


def test_what_is_dealt_out_is_dealt_out_once() -> None:
    parts = [list(Ranks(i, 3).part(8)) for i in range(3)]
    assert sorted(place for part in parts for place in part) == list(range(8))
    assert {len(part) for part in parts} == {2, 3}


def _roll(monkeypatch: pytest.MonkeyPatch, *others: dict[str, Any]) -> Roll:
    """This process, the first of several, and what the others wrote down when they joined."""
    monkeypatch.setattr(lost_rank, "_PATIENCE", 0.0)
    store = dist.HashStore()
    roll = Roll(store, 0, 1 + len(others))
    for index, other in enumerate(others, start=1):
        store.set(f"process/{index}", lost_rank.json.dumps(other))
    return roll


def test_a_dead_process_of_this_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    here = socket.gethostname()
    roll = _roll(monkeypatch, {"host": here, "pid": os.getpid()}, {"host": here, "pid": _NO_PROCESS})
    message = str(roll.lost())
    assert message.startswith(f"process 2 of 3 (pid {_NO_PROCESS} on {here}): ended before the training did")
    assert "--resume True" in message


def test_a_silent_process_of_another_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    roll = _roll(monkeypatch, {"host": "elsewhere", "pid": os.getpid()})
    assert str(roll.lost()).startswith("process 1 of 2")
    assert "on elsewhere" in str(roll.lost())


def test_where_all_answer_somebody_ended_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    roll = _roll(monkeypatch, {"host": "elsewhere", "pid": 1})
    roll.store.set("alive/1", "")
    assert isinstance(roll.lost(), KeyboardInterrupt)

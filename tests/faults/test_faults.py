"""Everything that people get wrong ends in one line that names it; see docs/faults.md, which is made of these."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_kinds import Fault
from fault_page import PAGE, THEMES, answer, row, shown_message
from fault_runner import run_here
from fault_stage import Stage, copy_stage, prepare, snapshot

FAULTS = [fault for faults in THEMES.values() for fault in faults]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return prepare(tmp_path_factory.mktemp("faults") / "stage")


@pytest.fixture
def stage(first: Stage, tmp_path: Path) -> Iterator[Stage]:
    yield copy_stage(first, tmp_path / "stage")


def test_there_are_enough_kinds_with_names_of_their_own() -> None:
    assert len(FAULTS) >= 60
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_ends_in_one_line_that_names_it(fault: Fault, stage: Stage) -> None:
    planted = Fault(**{**vars(fault), "plant": lambda stage: None})
    fault.plant(stage)
    before = snapshot(stage)
    seen = answer(planted, stage)
    message = shown_message(seen, stage)
    assert "Traceback" not in seen.err + seen.out, seen.err + seen.out
    assert seen.code == fault.code, seen.err + seen.out
    assert fault.names in message
    assert len(message.splitlines()) == 1 or all(": " in line for line in message.splitlines())
    after = snapshot(stage)
    assert {name: after.get(name) for name in before} == before, "something that was there is changed"
    assert set(after) - set(before) <= set(fault.new), "something was written"
    assert row(fault, seen, stage) in PAGE.read_text(encoding="utf-8").splitlines(), f"python {PAGE.name} is not this"


def test_the_page_holds_nothing_else() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert len(rows) == len(FAULTS) + len(THEMES)


@pytest.mark.parametrize(
    "command", ["cladeseg check D --taxonomy B/configs/taxonomy.json", "cladeseg predict D N --bundle B"]
)
def test_without_a_fault_the_same_commands_work(stage: Stage, command: str) -> None:
    """So that none of them is refused for something else."""
    seen = run_here(command.split(), stage.root)
    assert seen.code == 0, seen.err

"""Everything that people get wrong ends in one line that names it; see docs/faults.md, which is made of these."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import pytest
from fault_kinds import Fault, nothing
from fault_page import PAGE, THEMES, answer, compared, row, shown_message
from fault_runner import run_apart, run_here
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
    planted = replace(fault, plant=nothing)
    fault.plant(stage)
    before = snapshot(stage)
    seen = answer(planted, stage)
    message = shown_message(seen, stage)
    assert "Traceback" not in seen.err + seen.out, seen.err + seen.out
    assert seen.code == fault.code, seen.err + seen.out
    assert fault.names in message
    head, *more = message.splitlines()
    # One line; or one for each file, maybe after a head that says how many cases failed.
    assert not more or all(": " in line for line in (more if re.match(r"\d+ of \d+ failed", head) else [head, *more]))
    after = snapshot(stage)
    changed = {name for name in before if after.get(name) != before[name]}
    assert changed <= set(fault.changed), "something that was there is changed"
    written = set(after) - set(before)
    assert all(any(fnmatch(name, pattern) for pattern in fault.new) for name in written), "something was written"
    lines = map(compared, PAGE.read_text(encoding="utf-8").splitlines())
    assert compared(row(fault, seen, stage)) in lines, "write the page anew: python tests/faults/fault_page.py"


def test_the_page_holds_nothing_else() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert len(rows) == len(FAULTS) + len(THEMES), "and one head for each theme"


@pytest.mark.parametrize(
    "command", ["cladeseg check D --taxonomy B/configs/taxonomy.json", "cladeseg predict D N --bundle B"]
)
def test_without_a_fault_the_same_commands_work(stage: Stage, command: str) -> None:
    """So that none of them is refused for something else."""
    seen = run_here(command.split(), stage.root)
    assert seen.code == 0, seen.err


# ---- interruptions and full disks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["check D --taxonomy B/configs/taxonomy.json", "predict D N --bundle B"])
def test_ctrl_c_says_what_is_kept_and_ends_with_130(
    stage: Stage, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    for name in ("load_predictor", "check_for_training"):
        monkeypatch.setattr(f"cladeseg.segmentation.workflow.{name}", interrupted)
    seen = run_here(["cladeseg", *command.split()], stage.root)
    assert seen.code == 130
    assert seen.message.startswith("interrupted; ")
    assert len(seen.err.splitlines()) == 1


@pytest.mark.parametrize("after", [0, 3, 8])
def test_a_full_disk_leaves_no_half_bundle(stage: Stage, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    write = Path.write_text

    def full(path: Path, *arguments: object, **named: object) -> int:
        if len(written) == after:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return write(path, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full)
    before = set(stage.root.iterdir())
    seen = run_here(["cladeseg", "new-bundle", "N", "--taxonomy", "B/configs/taxonomy.json"], stage.root)
    assert (seen.code, seen.message) == (1, "N: cannot be written (No space left on device); nothing of it is left")
    assert set(stage.root.iterdir()) == before


def test_a_full_disk_ends_an_evaluation_in_one_line(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("cladeseg.segmentation.workflow.evaluation.write_csv", full)
    seen = run_here(["cladeseg", "evaluate", "B", "--dataset", "D", "--output", "R", "--device", "cpu"], stage.root)
    assert (seen.code, "No space left on device" in seen.message) == (1, True)
    assert "Traceback" not in seen.err


def test_the_tables_reach_a_terminal_without_our_characters(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding in ("ascii", "cp1252"):
        monkeypatch.setenv("PYTHONIOENCODING", encoding)
        for command in ("check D --taxonomy B/configs/taxonomy.json", "train --help"):
            seen = run_apart(["cladeseg", *command.split()], stage.root)
            assert (seen.code, "Error" in seen.err) == (0, False), seen.err
        assert seen.out.isascii() or encoding != "ascii"

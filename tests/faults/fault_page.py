"""The page of all faults: what one types, and what one is answered; ``python tests/faults/fault_page.py`` writes it."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from fault_kinds import Fault
from fault_runner import Seen, run_apart, run_here
from fault_stage import REPOSITORY, Stage, copy_stage, prepare
from faults_in_files import FILES
from faults_in_labels import GEOMETRY, LABELS, LAYOUTS
from faults_in_runs import OUTPUT, RUNS, TERMINAL, WEIGHTS
from faults_in_settings import OVERRIDES, SETTINGS

#: Every fault by its theme.
THEMES: dict[str, tuple[Fault, ...]] = {
    "Files": FILES,
    "Labels and label trees": LABELS,
    "Where things lie": GEOMETRY,
    "Layouts": LAYOUTS,
    "Settings": SETTINGS,
    "Overrides and configs": OVERRIDES,
    "Runs": RUNS,
    "Weights": WEIGHTS,
    "Output": OUTPUT,
    "What one types": TERMINAL,
}
#: Begin of a hash, which differs from machine to machine.
_HASH = re.compile(r"[0-9a-f]{8,}…")
#: What other libraries say, which differs from version to version.
_FOREIGN = re.compile(r" \([^|]*\)")
PAGE = REPOSITORY / "docs" / "faults.md"
_HEAD = """# What goes wrong, and what cladeseg says

Each of these {count} faults is planted by a test (`tests/faults`), which also writes this page: none of them yields a
mask, a weight file or a traceback, and nothing that was there before is changed. `D` is a folder of hearts in ACDC's
layout, `B` a bundle, `R` a finished training, `N` a name that is free. A message is one line, or one line for each
file. `check` lists the faults of all files in its table; the other commands write "error:" before the message.

Two answers are MONAI's own, because `python -m monai.bundle` reads its config before any of our code runs: to a config
file that is not there, and to a value that begins with `%`. `cladeseg run` and `cladeseg train` answer both in a line.
"""


def answer(fault: Fault, stage: Stage) -> Seen:
    """Plant a fault and run its command."""
    fault.plant(stage)
    return (run_apart if fault.apart else run_here)(fault.words, stage.root)


def shown_message(seen: Seen, stage: Stage) -> str:
    """A message with the names of folders as short as the command has them."""
    message = _HASH.sub("…", seen.message)
    for root in (str(stage.root.resolve()), str(stage.root)):
        message = message.replace(f"{root}/", "")
    return message


def row(fault: Fault, seen: Seen, stage: Stage) -> str:
    """A fault's row of the page."""
    message = shown_message(seen, stage).replace("|", "\\|").replace("<", "&lt;").replace("\n", "<br>")
    command = fault.command.replace("|", "\\|")
    return f"| {fault.name} | `{command}` | {message} | {seen.code} |"


def compared(line: str) -> str:
    """What of a row must be the same on every machine: all but what libraries say, in parentheses."""
    return _FOREIGN.sub("", line)


def page(rows: dict[str, list[str]]) -> str:
    """The page, from the rows of each theme."""
    parts = [_HEAD.format(count=sum(map(len, rows.values())))]
    for theme, lines in rows.items():
        parts += [f"## {theme}\n", "| what is wrong | command | message | exit code |", "|---|---|---|---|", *lines, ""]
    return "\n".join(parts)


def main() -> None:
    """Plant every fault and write what is answered."""
    with tempfile.TemporaryDirectory() as folder:
        first = prepare(Path(folder, "stage"))
        rows: dict[str, list[str]] = {}
        for theme, faults in THEMES.items():
            stages = [copy_stage(first, Path(folder, f"{theme}-{i}")) for i in range(len(faults))]
            rows[theme] = [row(one, answer(one, stage), stage) for one, stage in zip(faults, stages, strict=True)]
    PAGE.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()

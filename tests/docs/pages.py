"""The pages that people read, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PATTERNS = ("README.md", "CONTRIBUTING.md", "docs/**/*.md", "bundles/*/docs/*.md")
PAGES = sorted(page.relative_to(REPOSITORY).as_posix() for pattern in PATTERNS for page in REPOSITORY.glob(pattern))
#: Languages that a test runs; `json` blocks are written to the file that the text before them names.
RUNNABLE = ("bash", "python")
_FENCE = re.compile(r"^(?P<indent> *)```(?P<head>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_SKIP = re.compile(r'skip="([^"]*)"')
_FILE = re.compile(r"`(\w+\.json)`")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        language: what stands behind the fence; may be empty.
        text: its lines, without the indentation of a list.
        skip: why it cannot run in a test; ``None`` if it can.
        file: the JSON file that the text before it names last; ``None`` if none.
    """

    language: str
    text: str
    skip: str | None
    file: str | None


def blocks(page: str) -> list[Block]:
    """Every fenced block of a page, in order."""
    text, found, end = (REPOSITORY / page).read_text(encoding="utf-8"), [], 0
    for match in _FENCE.finditer(text):
        language = (match["head"].split() or [""])[0]
        lines = (line.removeprefix(match["indent"]) for line in match["body"].splitlines())
        reason, files = _SKIP.search(match["head"]), _FILE.findall(text[end : match.start()])
        found.append(Block(language, "\n".join(lines), reason and reason[1], files[-1] if files else None))
        end = match.end()
    return found


def outside_fences(page: str) -> str:
    """The text of a page between its fenced blocks."""
    return _FENCE.sub("", (REPOSITORY / page).read_text(encoding="utf-8"))


def commands(text: str) -> list[str]:
    """The command lines of a shell block, continued lines joined and lines of several taken apart."""
    lines = text.replace("\\\n", " ").splitlines()
    return [part for line in lines if line.strip() for part in re.split(r" && (?=cladeseg )", line.strip())]

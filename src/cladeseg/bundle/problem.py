"""One thing that keeps a bundle from working, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """What ``cladeseg validate`` reports.

    Attributes:
        file: relative to the bundle.
        key: place in the file, levels joined by ``#``; empty for the file itself.
        what: what is wrong.
        fix: what to do.
    """

    file: str
    key: str
    what: str
    fix: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        return f"{place}: {self.what}; {self.fix}"

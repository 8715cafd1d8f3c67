"""Ways of doing the same thing, timed by turns: what else the machine does then falls on all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: Of each way, seconds of its calls, round by round.
Seconds = Mapping[str, Sequence[float]]


def by_turns(ways: Mapping[str, Callable[[int], object]], *, rounds: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Call each way once a round, another one first each time.

    Args:
        ways: name → what is called with the number of the round.
        rounds: that count.
        warm_up: rounds before them that do not count: the first call allocates and compiles.
    """
    names = list(ways)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-warm_up, rounds):
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]
            begin = time.perf_counter()
            ways[name](turn + warm_up)
            if turn >= 0:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def ratios(seconds: Seconds, base: str) -> dict[str, dict[str, Any]]:
    """Of each way the median ``seconds`` of a call, and its ``ratio`` to the base's in the same round.

    Returns:
        name → ``seconds``, ``ratio`` (median over the rounds) and ``ratio_range`` (lowest and highest).

    Example:
        >>> ratios({"plain": [1.0, 2.0, 4.0], "mixed": [1.5, 2.0, 8.0]}, "plain")["mixed"]
        {'seconds': 2.0, 'ratio': 1.5, 'ratio_range': [1.0, 2.0]}
    """
    found = {}
    for name, own in seconds.items():
        each = [mine / theirs for mine, theirs in zip(own, seconds[base], strict=True)]
        found[name] = {
            "seconds": statistics.median(own),
            "ratio": statistics.median(each),
            "ratio_range": [min(each), max(each)],
        }
    return found


def ratio_lines(rows: Mapping[str, Mapping[str, Any]], *, unit: str, base: str) -> list[str]:
    """The lines of a Markdown table of :func:`ratios`."""
    lines = [f"| way | s a {unit} | ratio to {base} (range) |", "|---|---|---|"]
    for name, row in rows.items():
        low, high = row["ratio_range"]
        lines.append(f"| {name} | {row['seconds']:.3f} | {row['ratio']:.2f} ({low:.2f}–{high:.2f}) |")
    return lines

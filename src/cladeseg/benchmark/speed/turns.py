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
        name → ``seconds`` and ``ratio`` (medians over the rounds), ``seconds_range`` and ``ratio_range`` (lowest and
        highest).

    Example:
        >>> mixed = ratios({"plain": [1.0, 2.0, 4.0], "mixed": [1.5, 2.0, 8.0]}, "plain")["mixed"]
        >>> mixed["seconds"], mixed["ratio"], mixed["ratio_range"]
        (2.0, 1.5, [1.0, 2.0])
    """
    found = {}
    for name, own in seconds.items():
        each = [mine / theirs for mine, theirs in zip(own, seconds[base], strict=True)]
        found[name] = {
            "seconds": statistics.median(own),
            "seconds_range": [min(own), max(own)],
            "ratio": statistics.median(each),
            "ratio_range": [min(each), max(each)],
        }
    return found


def spread(values: Sequence[float]) -> dict[str, Any]:
    """``median`` of some values, with their ``range``.

    Example:
        >>> spread([3.0, 1.0, 2.0])
        {'median': 2.0, 'range': [1.0, 3.0]}
    """
    return {"median": statistics.median(values), "range": [min(values), max(values)]}


def with_range(median: float, ends: Sequence[float], digits: int = 2) -> str:
    """A median with the lowest and highest value behind it.

    Example:
        >>> with_range(1.5, [1.0, 2.0])
        '1.50 (1.00–2.00)'
    """
    low, high = ends
    return f"{median:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def ratio_lines(rows: Mapping[str, Mapping[str, Any]], *, unit: str, base: str) -> list[str]:
    """The lines of a Markdown table of :func:`ratios`."""
    lines = [f"| way | s a {unit} (range) | ratio to {base} (range) |", "|---|---|---|"]
    for name, row in rows.items():
        seconds = with_range(row["seconds"], row["seconds_range"], digits=3)
        lines.append(f"| {name} | {seconds} | {with_range(row['ratio'], row['ratio_range'])} |")
    return lines

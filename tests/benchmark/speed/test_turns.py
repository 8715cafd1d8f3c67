"""Ways are called by turns, and compared round by round."""

from __future__ import annotations

import pytest

from cladeseg.benchmark.speed.turns import by_turns, ratio_lines, ratios


def test_another_way_begins_each_round_and_the_warm_up_does_not_count() -> None:
    calls: list[tuple[str, int]] = []
    ways = {"a": lambda turn: calls.append(("a", turn)), "b": lambda turn: calls.append(("b", turn))}
    seconds = by_turns(ways, rounds=2, warm_up=1)
    assert calls == [("b", 0), ("a", 0), ("a", 1), ("b", 1), ("b", 2), ("a", 2)]
    assert {name: len(each) for name, each in seconds.items()} == {"a": 2, "b": 2}


def test_a_round_in_which_the_machine_was_slow_changes_no_ratio() -> None:
    found = ratios({"plain": [1.0, 10.0, 1.0], "mixed": [2.0, 20.0, 2.0]}, "plain")
    assert found["mixed"] == {"seconds": 2.0, "seconds_range": [2.0, 20.0], "ratio": 2.0, "ratio_range": [2.0, 2.0]}
    assert found["plain"]["ratio"] == pytest.approx(1.0)


def test_the_table_has_a_line_for_each_way() -> None:
    rows = ratios({"plain": [1.0], "mixed": [1.25]}, "plain")
    assert ratio_lines(rows, unit="step", base="plain")[3] == "| mixed | 1.250 (1.250–1.250) | 1.25 (1.25–1.25) |"

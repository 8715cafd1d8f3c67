"""The table of inference profiles: ratios by case, shares of the time."""

from __future__ import annotations

from typing import Any

from cladeseg.benchmark.speed.inference import PEER, _alternating, _summary, inference_table


def row(method: str, case: str, predict: float, **other: float) -> dict[str, Any]:
    return {
        "method": method,
        "case": case,
        "parts": {"read": 1.0, "predict": predict, **other},
        "rise": 2**20,
        "dice": 0.5,
    }


ROWS = [
    row(PEER, "a", 4),
    row(PEER, "b", 8),
    row(PEER, "c", 2),
    row("fast", "a", 1),
    row("fast", "b", 4),
    row("fast", "c", 3),
]


def test_ratios_are_taken_case_by_case() -> None:
    found = _summary(ROWS, "fast")
    assert (found["ratio"], found["ratio_range"]) == (0.5, [0.25, 1.5])
    assert (found["seconds"], found["seconds_range"]) == (3, [1, 4])
    assert found["rise_mb"] == 1
    assert abs(found["other_share"] - 3 / 11) < 1e-12


def test_the_table_has_a_row_for_each_method() -> None:
    methods = {name: _summary(ROWS, name) for name in (PEER, "fast")}
    assert (
        inference_table({"methods": methods}).splitlines()[3]
        == "| fast | 3.00 (1.00–4.00) | 0.50 (0.25–1.50) | 1 | 0.5000 | 27% |"
    )


def test_another_method_begins_each_case() -> None:
    order = [(case["case"], name) for case, name in _alternating([{"case": 1}, {"case": 2}], ["x", "y"])]
    assert order == [(1, "x"), (1, "y"), (2, "y"), (2, "x")]

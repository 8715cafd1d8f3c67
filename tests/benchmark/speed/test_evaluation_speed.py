"""Scoring beside MONAI's metrics: the same cases, and the same values where both have one."""

from __future__ import annotations

import pytest

from cladeseg.benchmark.speed import evaluation
from cladeseg.benchmark.speed.evaluation import COMPARED, SAME, evaluation_speed, evaluation_table


def test_both_ways_measure_the_same_values() -> None:
    result = evaluation_speed(cases=12)
    assert set(result["rows"]) == {"cladeseg", "MONAI"}
    assert result["compared"] == 12 * 3
    assert set(result["differences"]) == set(COMPARED)
    assert max(result["differences"].values()) <= SAME
    assert "12 cases with 3 structures each" in evaluation_table(result)


def test_a_value_that_differs_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "_TOLERANCE_MM", 1.0)
    right = evaluation._ours
    monkeypatch.setattr(evaluation, "_ours", lambda *pair: {**right(*pair), "nsd": right(*pair)["nsd"] - 0.01})
    result = evaluation_speed(cases=2)
    assert result["differences"]["nsd"] == pytest.approx(0.01, abs=SAME)
    assert result["differences"]["dice"] <= SAME

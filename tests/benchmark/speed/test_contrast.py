"""The two losses that are timed have the same value."""

from __future__ import annotations

from typing import Any

import pytest

from cladeseg.benchmark.speed import contrast
from cladeseg.benchmark.speed.contrast import OURS, PEER, contrast_speed, contrast_table, measure


def test_both_losses_are_asked_the_same() -> None:
    ours, peer = measure(OURS, 6), measure(PEER, 6)
    assert ours["value"] == pytest.approx(peer["value"], abs=1e-5)


def test_ratios_are_the_peers_to_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def row(loss: str, batch: int) -> dict[str, Any]:
        calls.append(loss)
        return {
            "loss": loss,
            "batch": batch,
            "seconds": (50 if loss == PEER else 2) * len(calls),
            "mb": 900,
            "value": 1.0,
        }

    monkeypatch.setattr(contrast, "_in_own_process", row)
    result = contrast_speed(compared=4, large=8, rounds=2)
    assert [(row["loss"], row["batch"]) for row in result["rows"]] == [(PEER, 4), (OURS, 4), (OURS, 8)]
    assert calls == [PEER, OURS, OURS] * 2  # by turns
    assert result["rows"][0]["seconds"] == {"median": 125, "range": [50, 200]}
    assert result["time_ratio"] == {"median": (12.5 + 20) / 2, "range": [12.5, 20]}
    assert result["memory_ratio"]["median"] == 1
    table = contrast_table(result)
    assert "| MONAI's ContrastiveLoss | 4 | 125.00 (50.00–200.00) | 900 (900–900) | 1.000000 |" in table
    assert table.endswith("takes 16 times the time and 1 times the memory.")

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
    def row(loss: str, batch: int) -> dict[str, Any]:
        return {"loss": loss, "batch": batch, "seconds": 50 if loss == PEER else 2, "mb": 900, "value": 1.0}

    monkeypatch.setattr(contrast, "_in_own_process", row)
    result = contrast_speed(compared=4, large=8)
    assert [(row["loss"], row["batch"]) for row in result["rows"]] == [(PEER, 4), (OURS, 4), (OURS, 8)]
    assert (result["time_ratio"], result["memory_ratio"]) == (25, 1)
    assert contrast_table(result).endswith("takes 25 times the time and 1 times the memory.")

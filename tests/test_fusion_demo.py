"""The demo's table shows fusion first and every baseline below it."""

from __future__ import annotations

from rich.console import Console

from cladeseg.fusion_demo import scores_table
from cladeseg.statistics import SCORES


def scored(value: float) -> dict[str, object]:
    return {"mean": {name: {"mean": value, "ci95": [0.0, 1.0], "n": 9} for name in SCORES}}


def test_every_method_is_a_row_and_fusion_the_first() -> None:
    scores = {**scored(0.75), "patients": 9, "baselines": {"genes: LR": scored(0.5)}}
    console = Console(record=True, width=100, file=None)
    with console.capture() as capture:
        console.print(scores_table(scores))
    lines = [line for line in capture.get().splitlines() if "0.750" in line or "0.500" in line]
    assert ["fusion" in lines[0], "genes: LR" in lines[1]] == [True, True]
    assert len(lines) == 2

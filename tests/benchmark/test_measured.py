"""What a record says of its making names no folder of the machine."""

from __future__ import annotations

import sys

import pytest

from cladeseg.benchmark.measured import measured_now, shown_command
from cladeseg.benchmark.speed.record import MADE


def test_everything_that_a_record_needs_is_there() -> None:
    assert set(measured_now()) == set(MADE)


def test_a_command_keeps_its_options_and_loses_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    call = [
        "/v/bin/cladeseg",
        "benchmark",
        "speed",
        "--dataset",
        "/data/ACDC",
        "--weights",
        "/r/all fine/models/model.pt",
    ]
    monkeypatch.setattr(sys, "argv", [*call, "--output", "docs/speed/records/inference_acdc.json"])
    assert measured_now()["command"] == (
        "cladeseg benchmark speed --dataset ACDC --weights 'all fine/models/model.pt' "
        "--output docs/speed/records/inference_acdc.json"
    )
    assert shown_command(["x", "--output=/tmp/s.json", "--step"]) == "cladeseg --output=s.json --step"

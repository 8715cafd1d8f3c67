"""``cladeseg run`` is MONAI's command, with overrides that are checked first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import monai.bundle
import pytest
from cli_calls import ACDC, call

from cladeseg.bundle import OverrideError


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What ``monai.bundle.run`` was called with, instead of a run."""
    seen: list[dict[str, Any]] = []

    def run(run_id: str | None = None, config_file: Any = None, **override: Any) -> None:
        seen.append({"run_id": run_id, "config_file": config_file, **override})

    monkeypatch.setattr(monai.bundle, "run", run)
    monkeypatch.chdir(ACDC)
    yield seen


def test_run_takes_the_arguments_of_the_bundle_command(started: list[dict[str, Any]]) -> None:
    files = "['configs/train.json','configs/evaluate.json']"
    options = ("--epochs", 3, "--amp=False", "--settings#mix#alpha_range", "[0.5, 1.0]")
    result = call("run", "training", "--config_file", files, *options)
    assert (result.exit_code, result.exception) == (0, None)
    assert started == [
        {
            "run_id": "training",
            "config_file": ["configs/train.json", "configs/evaluate.json"],
            "epochs": 3,
            "amp": False,
            "settings#mix#alpha_range": [0.5, 1.0],
        }
    ]


def test_run_refuses_a_misspelt_override_before_anything_starts(started: list[dict[str, Any]]) -> None:
    result = call("run", "training", "--config_file", "configs/train.json", "--epoch", 3)
    assert (result.exit_code, type(result.exception)) == (1, OverrideError)
    assert "--epochs" in str(result.exception)
    result = call("run", "training", "--config_file", "configs/train.json", "--mix_weight", 3)
    assert "--settings#mix#weight" in str(result.exception)
    result = call("run", "training", "--config_file", "configs/train.json", "--settings#mxi#weight", 1)
    assert (result.exit_code, type(result.exception)) == (1, OverrideError)
    assert str(result.exception).endswith(
        "--settings#mxi#weight: there is no such setting; did you mean --settings#mix#weight?"
    )
    assert started == []

"""Trainings of the ACDC bundle whose loaded cases lie on disk."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import pytest
from bundle_runs import Place, train

#: Labels of coarse cases are made of the fine ones, and made anew from whole cases during the training.
COURSE = {
    "epochs": 2,
    "settings#method": "supervised",
    "settings#propagation#enabled": True,
    "settings#propagation#refresh": [0.5],
}


def losses(run: Path) -> list[float]:
    return [float(row["train_loss"]) for row in csv.DictReader((run / "history.csv").open(newline=""))]


def test_a_stored_training_is_that_in_memory_and_later_ones_load_nothing(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored = {**COURSE, "settings#data#store": str(tmp_path / "store")}
    in_memory = losses(train(place, tmp_path / "memory", **COURSE))
    with caplog.at_level(logging.INFO, "cladeseg"):
        first = losses(train(place, tmp_path / "first", **stored))
        second = losses(train(place, tmp_path / "second", **stored))
    assert first == second
    assert first == pytest.approx(in_memory, abs=2e-3)  # half precision
    there = [
        record.getMessage().split(": ")[1] for record in caplog.records if "cases are there" in record.getMessage()
    ]
    assert there[0].startswith("0 of ")
    assert there[1] == there[0].replace("0 of", f"{there[0].split()[2]} of")


def test_other_settings_of_the_labels_are_other_cases(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored = {**COURSE, "epochs": 1, "settings#propagation#refresh": [], "settings#data#store": str(tmp_path / "store")}
    with caplog.at_level(logging.INFO, "cladeseg"):
        for agreement in (0.6, 0.9):
            train(place, tmp_path / str(agreement), **stored, **{"settings#propagation#min_agreement": agreement})
    there = [record.getMessage() for record in caplog.records if "cases are there" in record.getMessage()]
    assert [": 0 of " in message for message in there] == [True, True]

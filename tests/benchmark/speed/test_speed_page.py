"""The page of costs and the profiles of a bundle come from records alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted_records import INFERENCE, MADE, write_records

from cladeseg.benchmark.speed.page import SECTIONS, profiles_paragraph, write_speed_page
from cladeseg.benchmark.speed.record import SpeedRecord, read_records
from cladeseg.benchmark.speed.report import SPEEDS
from cladeseg.files import DataError, read_json, write_json


@pytest.fixture
def records(tmp_path: Path) -> Path:
    write_records(tmp_path / "records")
    return tmp_path / "records"


def page(records: Path) -> str:
    return write_speed_page(records, records.parent / "speed.md").read_text(encoding="utf-8")


def test_a_record_becomes_a_table_with_its_goal_command_and_machine(records: Path) -> None:
    text = page(records)
    begin = text.index("## A training step")
    assert text[begin : text.index("## Inference")] == (
        """## A training step

Whole optimiser steps of each [method](settings.md), augmentation and teacher included, on the same
batches of the bundle's settings. Steps are late ones, after every ramp.

### acdc_subclass_segmentation, ACDC

| way | s a step of 4 patches of 16 × 16 × 16 (range) | ratio to supervised (range) |
|---|---|---|
| supervised | 1.000 (1.000–2.000) | 1.00 (1.00–2.00) |
| mixed in place | 1.200 (1.200–2.400) | 1.20 (1.20–2.20) |

| goal | found | met |
| --- | ---: | --- |
| a semi-supervised step (mixed in place) takes at most 1.35 times the supervised one | 1.20 times | yes |

`cladeseg benchmark speed --step`

2026-11-27; Linux-6.1, x86_64 Some Processor, 2 cores, 16 GiB memory; threads: 1;
processes that wanted a core before it began: 0.1;
PyTorch 2.9.0, MONAI 1.6.1; version-control state abcdef1;
[record](speed/records/step_acdc.json)

"""
    )


def test_a_goal_that_is_not_met_says_so(records: Path) -> None:
    assert "| fast: Dice within 0.002 of MONAI's | -0.0030 | **no** |" in page(records)


def test_a_section_without_a_record_is_left_out(records: Path) -> None:
    text = page(records)
    titles = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert titles == ["A training step", "Inference", "Workers that are killed", "More and more cases"]
    assert "![More and more cases](speed/records/growth.webp)" in text
    (records / "growth.json").unlink()
    assert "growth.webp" not in page(records)


def test_without_records_nothing_is_claimed(tmp_path: Path) -> None:
    assert page(tmp_path).endswith("\nNothing is measured yet.\n")


def test_everything_that_can_be_measured_has_a_section() -> None:
    assert set(SPEEDS) | {"kills", "growth"} == set(SECTIONS)


@pytest.mark.parametrize("lost", sorted(MADE))
def test_a_record_that_does_not_say_how_it_was_made_is_refused(records: Path, lost: str) -> None:
    content = read_json(records / "kills.json")
    write_json({name: value for name, value in content.items() if name != lost}, records / "kills.json")
    with pytest.raises(DataError, match=rf"kills\.json: says nothing of {lost}"):
        page(records)


def test_a_bundle_shows_the_profiles_of_its_own_records(records: Path) -> None:
    text = profiles_paragraph(read_records(records), "acdc_subclass_segmentation")
    assert text == (
        """## Profiles

`--profile` says [how thorough](../../../docs/how-to/fast-inference.md) inference is. MONAI's sliding
window has the same network, window and overlap.

On 2 cases of ACDC, with weights of two passes, 1 thread:

| profile | seconds a volume | memory, MB | mean leaf Dice |
| --- | ---: | ---: | ---: |
| MONAI's window | 8.00 | 200 | 0.900 |
| `fast` | 2.00 | 150 | 0.897 |
| `best` | 8.00 | 200 | 0.910 |

[What it costs](../../../docs/speed.md#inference) has the spread, the command and the machine.
"""
    )
    assert profiles_paragraph(read_records(records), "brats_subclass_segmentation") == ""


def test_several_weights_of_a_bundle_have_a_table_each() -> None:
    made = {**MADE, "bundle": "b", "dataset": "D"}
    several = [SpeedRecord(name, {**made, "inference": {**INFERENCE, "passes": n}}) for n, name in ((1, "x"), (2, "y"))]
    text = profiles_paragraph(several, "b")
    assert text.count("| MONAI's window |") == 2
    assert "weights of one pass" in text
    assert "weights of two passes" in text

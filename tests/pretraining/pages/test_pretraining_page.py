"""The page of an evaluation says what the figures say, whichever way they point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cladeseg.pretraining.pages import Picture, course_blocks, picture_block, write_evaluation_page

PROBE = {"pretrained": {"a": 0.5, "mean": 0.5}, "random": {"a": 0.25, "mean": 0.25}}
HISTORY = [
    {"epoch": str(e), "train_loss": "2", "train_contrast": "2", "train_effective_rank": "", "train_alignment": "0.5"}
    for e in (1, 2)
]


def row(fine: int, draw: int, scratch: float, pretrained: float) -> dict[str, Any]:
    return {"fine_cases": fine, "draw": draw, "scratch": scratch, "pretrained": pretrained}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(2, 0, 0.9, 0.1), row(1, 0, 0.5, 0.75)], "With 1 fine case, pre-training changes the mean leaf Dice"),
        ([row(1, 0, 0.5, 0.25), row(1, 1, 0.5, 0.5)], "by −0.125 (mean of 2 draws)"),
    ],
)  # fmt: skip
def test_the_page_says_what_the_fewest_labels_give(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    found = {"probe": PROBE, "fine_tuning": rows}
    page = write_evaluation_page(tmp_path / "report.html", "R", found, [], components=[]).read_text(encoding="utf-8")
    assert said in page


def test_figures_that_no_epoch_has_get_no_chart() -> None:
    losses, features = course_blocks(HISTORY, 1.5)
    assert [title for title, _ in losses.content["charts"]] == ["Each task, times its weight"]
    assert [title for title, _ in features.content["charts"]] == ["Alignment"]
    assert losses.content["charts"][0][1].legend == [("contrast", 0)]  # the sum of one task is that task


def test_small_pictures_are_enlarged_and_keep_their_caption() -> None:
    block = picture_block("Views", [Picture(np.zeros((4, 8, 3), np.uint8), "<case>", "a case")])
    (shown,) = block.content["pictures"]
    assert shown["name"] == "<case>"
    assert shown["uri"].startswith("data:image/png;base64,")

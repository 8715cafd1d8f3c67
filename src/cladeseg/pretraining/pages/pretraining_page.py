"""The pages of a pre-training and of its evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from cladeseg.report import (
    Block,
    Picture,
    Row,
    number_cell,
    picture_block,
    row_chart,
    table_block,
    text_cell,
    write_page,
)

#: The file's name, in the run's folder and in its ``eval``.
PAGE = "report.html"
#: What is compared: no pre-training, the encoder, and its network with weights that were never trained.
SCRATCH, PRETRAINED, RANDOM = "scratch", "pretrained", "random"
_VIEWS = (
    "Each row is one view of one modality: the image with the frame of the overlap and the compared places, what the "
    "network saw, and what it restored where something was hidden."
)
_COMPONENTS = (
    "Slices of a case, and below them the three principal components of its features as red, green and blue. Places of "
    "one colour look alike to the network."
)


def write_training_page(
    path: str | Path, name: str, course: Sequence[Block], *, views: Picture, components: Sequence[Picture]
) -> Path:
    """Write the page of a training.

    Args:
        path: of the page.
        name: of the run.
        course: see :func:`~cladeseg.pretraining.pages.course_blocks`.
        views: what pre-training sees.
        components: of the features.
    """
    blocks = [
        *course,
        picture_block("Views", [views], [_VIEWS]),
        picture_block("What the features show", components, [_COMPONENTS]),
    ]
    return write_page(path, f"Pre-training {name}", blocks, subtitle="No fine label was read.")


def write_evaluation_page(
    path: str | Path,
    name: str,
    found: Mapping[str, Any],
    course: Sequence[Block],
    *,
    components: Sequence[Picture],
) -> Path:
    """Write the page of an evaluation.

    Args:
        path: of the page.
        name: of the run.
        found: what ``evaluation.json`` holds: ``probe``, of each network the Dice by leaf, and ``fine_tuning``, a row
            for each number of fine cases and draw.
        course: of the training; empty where its history is not there.
        components: of the features of test cases.
    """
    rows = found["fine_tuning"]
    blocks = [
        *_few_labels(rows),
        _probe(found["probe"]),
        picture_block("What the features show", components, [_COMPONENTS]),
        *course,
    ]
    return write_page(path, f"Pre-training {name}: evaluation", blocks, subtitle=_verdict(rows))


def _verdict(rows: Sequence[Mapping[str, Any]]) -> str:
    """One sentence on the smallest number of fine cases."""
    fewest = min(row["fine_cases"] for row in rows)
    gains = [row[PRETRAINED] - row[SCRATCH] for row in rows if row["fine_cases"] == fewest]
    draws = f"{len(gains)} draw{'s' if len(gains) > 1 else ''}"
    change = f"{fmean(gains):+.3f}".replace("-", "−")
    cases = f"{fewest} fine case{'s' if fewest > 1 else ''}"
    return f"With {cases}, pre-training changes the mean leaf Dice by {change} (mean of {draws})."


def _few_labels(rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    lines = [
        [
            number_cell(float(row["fine_cases"]), 0),
            number_cell(float(row["draw"]), 0),
            number_cell(row[SCRATCH]),
            number_cell(row[PRETRAINED]),
            number_cell(row[PRETRAINED] - row[SCRATCH], sign="+"),
        ]
        for row in rows
    ]
    header = ["fine cases", "draw", "from scratch", "pre-trained", "difference"]
    notes = ["Both trainings share split, draw, schedule and seed; pre-training saw no test case."]
    return [
        table_block("Few fine labels", "Mean leaf Dice of the test cases", header, lines, notes=notes),
        _chart(rows),
    ]


def _chart(rows: Sequence[Mapping[str, Any]]) -> Block:
    shown = []
    for fine in sorted({row["fine_cases"] for row in rows}):
        for arm, label in ((SCRATCH, "from scratch"), (PRETRAINED, "pre-trained")):
            values = [row[arm] for row in rows if row["fine_cases"] == fine]
            shown.append(Row(f"{fine} fine, {label}", values, fmean(values)))
    chart = row_chart(shown, x_label="mean leaf Dice", description="Dice of each draw, and their mean.")
    notes = ["Small marks are draws, large ones their means."]
    return Block("charts", "Beside scratch", {"charts": [("Test cases", chart)], "notes": notes})


def _probe(probe: Mapping[str, Mapping[str, float]]) -> Block:
    leaves = list(probe[PRETRAINED])
    rows = [[text_cell(name), *(number_cell(scores.get(leaf)) for leaf in leaves)] for name, scores in probe.items()]
    notes = ["A linear map of frozen features tells the leaves apart; 'random' is the same network, never trained."]
    return table_block("Linear probe", "Dice of each leaf in the test cases", ["weights", *leaves], rows, notes=notes)

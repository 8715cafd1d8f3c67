"""The page of one evaluation: fusion beside one modality alone, reliability, weights, and what was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cladeseg.report import (
    Block,
    Cell,
    Picture,
    interval_text,
    number_cell,
    picture_block,
    reliability_chart,
    table_block,
    text_cell,
    write_page,
)
from cladeseg.statistics import SCORES, Estimate
from cladeseg.taxonomy import Taxonomy

_HEADER = {"f1": "macro-F1", "mcc": "MCC", "pr_auc": "PR-AUC", "auc": "AUC", "ece": "ECE"}


@dataclass(frozen=True)
class ExplainedPatient:
    """Pictures of one patient.

    Attributes:
        patient: their name.
        predicted: class with its probability.
        tiles: picture of attention and effects.
        maps: picture of both attention maps, if there is one.
        agreement: rank correlation of attention and size of effect, if there is one.
    """

    patient: str
    predicted: str
    tiles: Path
    maps: Path | None
    agreement: float | None


def write_fusion_page(
    path: str | Path,
    summary: Mapping[str, Any],
    tree: Taxonomy,
    *,
    groups: Mapping[str, float],
    explained: Sequence[ExplainedPatient],
) -> Path:
    """Write the page.

    Args:
        path: of the page.
        summary: what ``metrics.json`` holds.
        tree: the classes.
        groups: group of genes → its mean weight.
        explained: patients with pictures.
    """
    blocks = [_scores(summary), _folds(summary), _reliability(summary), _weights(summary), _groups(groups)]
    if explained:
        blocks.append(_pictures(explained))
    title = f"{tree.name}: histology and expression of {summary['patients']} patients"
    return write_page(path, title, blocks, subtitle=summary["statement"])


def _scores(summary: Mapping[str, Any]) -> Block:
    """Means over the folds with intervals, and fusion's F1 minus each row's."""
    methods = {"fusion": summary["mean"], **{name: one["mean"] for name, one in summary["baselines"].items()}}
    rows = []
    for method, mean in methods.items():
        scores = [_estimate(mean[name]) for name in SCORES]
        minus = text_cell("") if method == "fusion" else _difference(summary["baselines"][method])
        rows.append([text_cell(method), scores[0], minus, *scores[1:]])
    notes = [
        "Means over the test folds; intervals (95 %) are over the patients of these trained models, not over trainings."
    ]
    header = ["method", *_HEADER.values()]
    header.insert(2, "fusion minus this")
    return table_block("Scores", "Every method on the same folds", header, rows, notes=notes)


def _difference(baseline: Mapping[str, Any]) -> Cell:
    """Fusion's macro-F1 minus this one's; green or red where the interval does not hold 0."""
    one = baseline["fusion_minus_this"]["f1"]
    kind = "good" if one["ci95"][0] > 0 else "bad" if one["ci95"][1] < 0 else ""
    return replace(_estimate(one, sign="+"), kind=kind)


def _estimate(one: Estimate, sign: str = "") -> Cell:
    low, high = one["ci95"]
    return Cell(interval_text(one["mean"], (low, high), sign=sign), one["mean"])


def _folds(summary: Mapping[str, Any]) -> Block:
    rows = [
        [text_cell(str(number)), *(number_cell(one[name]) for name in SCORES)]
        for number, one in enumerate(summary["folds"])
    ]
    return table_block("Folds", "Fusion in each test fold", ["fold", *_HEADER.values()], rows)


def _reliability(summary: Mapping[str, Any]) -> Block:
    chart = reliability_chart(
        {"fusion": [(one["probability"], one["right"]) for one in summary["reliability"]]},
        description="Share of right predictions by their probability; on the diagonal both agree.",
    )
    return Block("charts", "Reliability", {"charts": [("Reliability", chart)], "notes": []})


def _weights(summary: Mapping[str, Any]) -> Block:
    """How much each modality counted, and what the data held."""
    rows = [[text_cell(name), number_cell(value, 2)] for name, value in summary["weights"].items()]
    counts = ", ".join(f"{count} {name}" for name, count in summary["cohort"].items())
    return table_block(
        "Modalities", "Mean weight of each modality", ["modality", "weight"], rows, notes=[f"The data: {counts}."]
    )


def _groups(groups: Mapping[str, float]) -> Block:
    ordered = sorted(groups.items(), key=lambda one: -np.nan_to_num(one[1]))
    rows = [[text_cell(name), number_cell(None if np.isnan(value) else float(value))] for name, value in ordered]
    notes = ["Mean weight in the network's pooling. A weight says where the model looks, not what follows from it."]
    return table_block("Groups of genes", "Attention over groups of genes", ["group", "weight"], rows, notes=notes)


def _pictures(explained: Sequence[ExplainedPatient]) -> Block:
    notes = [
        "The stored model explains patients that it was trained on. Attention alone is no explanation: beside it "
        "stands what happens to the probability when a tile is left out."
    ]
    return picture_block("Single patients", [one for patient in explained for one in _of_patient(patient)], notes)


def _of_patient(one: ExplainedPatient) -> Iterator[Picture]:
    agreement = "" if one.agreement is None else f"; rank correlation of attention and effect {one.agreement:.2f}"
    yield Picture(_pixels(one.tiles), f"{one.patient}: {one.predicted}{agreement}", f"Tiles of {one.patient}")
    if one.maps is not None:
        yield Picture(_pixels(one.maps), f"{one.patient}: both attention maps", f"Attention maps of {one.patient}")


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))

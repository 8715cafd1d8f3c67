"""Blocks of scores: the table of structures, their distributions, the table of cases, calibration and curves."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.report import (
    Block,
    Cell,
    Chart,
    Row,
    interval_text,
    line_chart,
    number_cell,
    reliability_chart,
    row_chart,
    table_block,
    text_cell,
)
from cladeseg.segmentation.metrics import Record
from cladeseg.segmentation.pages.calibration import expected_calibration_error
from cladeseg.segmentation.pages.chosen_cases import case_scores, failed_leaves
from cladeseg.segmentation.pages.page_cases import case_anchor
from cladeseg.segmentation.pages.page_record import colour_of
from cladeseg.taxonomy import Taxonomy

_STATUS_WORDS = {"ok": "both", "both_empty": "neither", "missed": "missed", "spurious": "spurious"}
_DISTANCES = (("hd95_mm", "HD95 mm"), ("assd_mm", "ASSD mm"))


def nodes_in_order(taxonomy: Taxonomy) -> list[int]:
    """Structures as the tree lists them, parents before their children."""
    return sorted(range(1, taxonomy.root), key=taxonomy.path)


def node_cell(taxonomy: Taxonomy, v: int) -> Cell:
    """A structure's name, moved in as far as it lies below the top of the tree."""
    return Cell(taxonomy.names[v], kind="text", colour=colour_of(taxonomy, v), indent=taxonomy.depth[v] - 1)


def structures_block(summary: Mapping[str, Any], taxonomy: Taxonomy) -> Block:
    """Means with intervals, and how often there was nothing to average, for each structure."""
    header = ["structure", "Dice [95 % CI]", "IoU", *(name for _, name in _DISTANCES), "NSD", "n"]
    header += list(_STATUS_WORDS.values())
    rows = [_structure_row(summary["nodes"][taxonomy.names[v]], taxonomy, v) for v in nodes_in_order(taxonomy)]
    leaf = summary["mean_leaf"]
    rows.append([text_cell("mean of leaves"), number_cell(leaf["dice"]), number_cell(leaf["iou"]), *[Cell("")] * 8])
    notes = [
        f"Intervals: percentile bootstrap over {summary['patients']} patients. NSD within "
        f"{summary['nsd_tolerance_mm']:g} mm. n: cases in which the Dice is defined. Last columns: cases in which "
        "truth and prediction both hold the structure, neither does, only the truth does (missed), only the prediction "
        "does (spurious).",
        f"Voxels at which a structure leaves its parent: {summary['nesting_violations']}.",
    ]
    return table_block("Scores per structure", "Means over cases", header, rows, notes=notes, sortable=False)


def _structure_row(node: Mapping[str, Any], taxonomy: Taxonomy, v: int) -> list[Cell]:
    dice = node["dice"]
    ends = (dice["ci95"][0], dice["ci95"][1])
    counts = [number_cell(node["status_counts"][s], 0, kind=_bad(s, node["status_counts"][s])) for s in _STATUS_WORDS]
    return [
        node_cell(taxonomy, v),
        Cell(interval_text(dice["mean"], ends)),
        number_cell(node["iou"]["mean"]),
        *(number_cell(node[metric]["mean"], 2) for metric, _ in _DISTANCES),
        number_cell(node["nsd"]["mean"]),
        number_cell(dice["n"], 0),
        *counts,
    ]


def _bad(status: str, count: int) -> str:
    return "bad" if count and status in {"missed", "spurious"} else ""


def distribution_block(records: Sequence[Record], summary: Mapping[str, Any], taxonomy: Taxonomy) -> Block:
    """Each case's Dice and HD95, a row for each structure."""
    charts = [
        ("Dice", _distribution(records, summary, taxonomy, metric="dice", label="Dice")),
        ("HD95", _distribution(records, summary, taxonomy, metric="hd95_mm", label="HD95 in mm")),
    ]
    return Block("charts", "Distribution over cases", {"charts": charts, "notes": []})


def _distribution(
    records: Sequence[Record],
    summary: Mapping[str, Any],
    taxonomy: Taxonomy,
    *,
    metric: str,
    label: str,
) -> Chart:
    rows = []
    for v in nodes_in_order(taxonomy):
        name, node = taxonomy.names[v], summary["nodes"][taxonomy.names[v]]
        found = [(r.case, r.value) for r in records if (r.node, r.metric) == (name, metric) and r.value is not None]
        low, high = node[metric]["ci95"]
        interval = None if low is None or high is None else (low, high)
        titles = [f"{case}: {value:.3f}" for case, value in found]
        rows.append(Row(name, [value for _, value in found], node[metric]["mean"], interval, titles))
    description = f"{label} of each case (circles), mean (upright bar) and its 95 % interval (thick line)."
    return row_chart(rows, x_label=label, description=description)


def cases_table(
    records: Sequence[Record], patients: Mapping[str, str], taxonomy: Taxonomy, *, shown: Sequence[str]
) -> Block:
    """A row for each case, the worst first, to be sorted and filtered."""
    scores, failed = case_scores(records, taxonomy), failed_leaves(records, taxonomy)
    dice = {(r.case, r.node): r.value for r in records if r.metric == "dice"}
    far = {(r.case, r.node): r.value for r in records if r.metric == "hd95_mm"}
    names = [taxonomy.names[v] for v in nodes_in_order(taxonomy)]
    rows = []
    for case in sorted(scores, key=lambda c: (scores[c] is None, scores[c] or 0.0, c)):
        distances = [value for name in names if (value := far.get((case, name))) is not None]
        rows.append(
            [
                text_cell(case, link=case_anchor(case) if case in shown else ""),
                text_cell(patients.get(case, "")),
                number_cell(scores[case]),
                *(number_cell(dice.get((case, name))) for name in names),
                number_cell(max(distances, default=None), 2),
                text_cell(", ".join(failed.get(case, [])), kind="bad"),
            ]
        )
    header = ["case", "patient", "mean leaf Dice", *(f"Dice {n}" for n in names), "largest HD95 mm", "failures"]
    return table_block("Every case", "Dice of each case, the worst first", header, rows, notes=[], filtered=True)


def calibration_block(points: list[dict[str, float]]) -> Block | None:
    """Whether probabilities can be believed; ``None`` where they were not at hand."""
    error = expected_calibration_error(points)
    if error is None:
        return None
    chart = reliability_chart(
        {"share that is right": [(point["probability"], point["right"]) for point in points]},
        x_label="probability of the most probable leaf",
        y_label="share that is right",
        description="Share of voxels whose most probable leaf is the true one, by its probability. The dashed diagonal "
        "is perfect calibration; below it the network is too confident.",
    )
    voxels = sum(int(point["voxels"]) for point in points)
    note = (
        f"Expected calibration error {error:.3f} over {voxels} voxels that truth or prediction give to a structure. "
        "Background that both agree on is left out: it would hide everything else."
    )
    return Block("charts", "Calibration", {"charts": [("Leaf probabilities", chart)], "notes": [note]})


def curves_block(history: Path) -> Block | None:
    """Losses and validation scores of the training's epochs; ``None`` where there is no history beside the run."""
    if not history.is_file():
        return None
    with history.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    charts = []
    for heading, prefix, label in (("Losses", "train_", "loss"), ("Validation", "validation_", "Dice")):
        series = _series(rows, prefix)
        if series:
            y_range = (0.0, 1.0) if label == "Dice" else None
            what = f"{heading} of each epoch of the training."
            charts.append(
                (heading, line_chart(series, x_label="epoch", y_label=label, description=what, y_range=y_range))
            )
    return Block("charts", "Training curves", {"charts": charts, "notes": []}) if charts else None


def _series(rows: Sequence[Mapping[str, str]], prefix: str) -> dict[str, list[tuple[float, float]]]:
    names = [name for name in (rows[0] if rows else {}) if name.startswith(prefix)]
    series = {
        name.removeprefix(prefix).replace("_", " "): [(float(r["epoch"]), float(r[name])) for r in rows if r.get(name)]
        for name in names
    }
    return {name: points for name, points in series.items() if points}

"""The page of quality control for masks whose truth nobody knows: what stands out first, and marks to export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.report import Block, Cell, number_cell, text_cell, write_page
from cladeseg.segmentation.pages.head import head_block, made_facts
from cladeseg.segmentation.pages.page_cases import ShownCase, case_anchor, cases_block, viewer_block
from cladeseg.segmentation.pages.page_record import CASES, PAGE, read_record
from cladeseg.segmentation.pages.prediction_cases import FOLDER
from cladeseg.segmentation.pages.score_blocks import nodes_in_order, table_block
from cladeseg.segmentation.pages.stored_case import read_case
from cladeseg.taxonomy import Taxonomy

#: Fewer cases say nothing about what is usual.
_ENOUGH = 5
#: Spreads from the median of the logarithm of the volume beyond which a case stands out (Iglewicz & Hoaglin 1993).
_FAR = 3.5
_PICTURES = 20


def write_prediction_page(out: str | Path, output: str | Path | None = None) -> Path:
    """Write the page of the predictions in a folder.

    Args:
        out: folder of the masks.
        output: the page; ``OUT/qc/report.html`` if ``None``.

    Returns:
        The page.

    Raises:
        DataError: the folder holds no record of a prediction's page, or a file cannot be read.
    """
    folder = Path(out) / FOLDER
    record, taxonomy = read_record(folder)
    cases = record["cases"]
    far = _distances(cases, taxonomy)
    reasons = {case["name"]: _reasons(case, far[case["name"]], taxonomy) for case in cases}
    order = sorted(cases, key=lambda c: (-len(reasons[c["name"]]), -(c["uncertainty"] or 0.0), c["name"]))
    kept = [case for case in order if case["file"]][:_PICTURES]
    shown = [
        ShownCase(
            case["name"],
            "; ".join(reasons[case["name"]]) or "nothing stands out",
            "",
            read_case(folder / CASES / Path(case["file"]).name),
        )
        for case in kept
    ]
    blocks = [
        _head(record, taxonomy),
        _table(order, far, reasons, taxonomy, shown=[case.name for case in shown]),
        Block("marks", "Marks", {"cases": [case["name"] for case in order]}),
        *(
            [cases_block("Cases", shown, taxonomy, notes=_NOTES, slices=2), viewer_block(shown, taxonomy)]
            if shown
            else []
        ),
    ]
    title = f"{taxonomy.name}: quality control of {len(cases)} predictions"
    return write_page(output or folder / PAGE, title, blocks, subtitle="There is no truth to compare with.")


_NOTES = ["What stands out comes first. Uncertainty is the entropy of the leaf given the superclass."]


def _distances(cases: Sequence[Mapping[str, Any]], taxonomy: Taxonomy) -> dict[str, dict[str, float | None]]:
    """Case → structure → how many spreads the logarithm of its volume lies from the median of these cases."""
    found: dict[str, dict[str, float | None]] = {case["name"]: {} for case in cases}
    for name in taxonomy.names[1:-1]:
        logs = {case["name"]: _log(case["nodes"][name]["volume_ml"]) for case in cases}
        known = [value for value in logs.values() if value is not None]
        median = float(np.median(known)) if known else 0.0
        spread = 1.4826 * float(np.median(np.abs(np.array(known) - median))) if known else 0.0
        for case, value in logs.items():
            usable = value is not None and len(known) >= _ENOUGH and spread > 0
            found[case][name] = (value - median) / spread if usable and value is not None else None
    return found


def _log(volume: float) -> float | None:
    return float(np.log(volume)) if volume > 0 else None


def _reasons(case: Mapping[str, Any], far: Mapping[str, float | None], taxonomy: Taxonomy) -> list[str]:
    """Why somebody should look at a case."""
    reasons = [f"{name} is empty" for name in taxonomy.leaf_names[1:] if not case["nodes"][name]["volume_ml"]]
    for name, distance in far.items():
        if distance is not None and abs(distance) > _FAR:
            reasons.append(f"{name} is unusually {'large' if distance > 0 else 'small'}")
    tops = [taxonomy.names[v] for v in taxonomy.children(taxonomy.root) if v != taxonomy.background]
    pieces = {name: case["nodes"][name]["components"] for name in tops}
    return reasons + [f"{name} is in {count} pieces" for name, count in pieces.items() if count > 1]


def _head(record: Mapping[str, Any], taxonomy: Taxonomy) -> Block:
    facts = [
        ("Images", str(record.get("images", ""))),
        ("Weights", str(record.get("weights", ""))),
        *made_facts(record),
    ]
    statement = {"kind": "", "head": "Not scored.", "text": "These masks were compared with no truth."}
    few = len(record["cases"]) < _ENOUGH
    warnings = [f"With fewer than {_ENOUGH} cases nothing is said about unusual volumes."] if few else []
    return head_block(facts, taxonomy=taxonomy, warnings=warnings, statement=statement)


def _table(
    cases: Sequence[Mapping[str, Any]],
    far: Mapping[str, Mapping[str, float | None]],
    reasons: Mapping[str, Sequence[str]],
    taxonomy: Taxonomy,
    *,
    shown: Sequence[str],
) -> Block:
    names = [taxonomy.names[v] for v in nodes_in_order(taxonomy)]
    header = ["case", "look at it because", "uncertainty"]
    header += [f"{name} {what}" for name in names for what in ("ml", "pieces", "distance")]
    rows = []
    for case in cases:
        name = case["name"]
        row = [
            text_cell(name, link=case_anchor(name) if name in shown else ""),
            text_cell("; ".join(reasons[name]), wide=True, kind="bad" if reasons[name] else ""),
            number_cell(case["uncertainty"]),
        ]
        for node in names:
            row += _node_cells(case["nodes"][node], far[name][node])
        rows.append(row)
    notes = [
        "Uncertainty: one minus the probability of the most probable leaf, over the voxels of structures. Distance: of "
        "the logarithm of the volume from the median of these cases, in robust standard deviations; beyond "
        f"{_FAR} it stands out. Pieces: components connected by faces."
    ]
    return table_block("Every case", "What stands out first", header, rows, notes=notes, filtered=True)


def _node_cells(measures: Mapping[str, float], distance: float | None) -> list[Cell]:
    kind = "bad" if distance is not None and abs(distance) > _FAR else ""
    return [
        number_cell(measures["volume_ml"], 2),
        number_cell(measures["components"], 0),
        number_cell(distance, 1, sign="+", kind=kind),
    ]

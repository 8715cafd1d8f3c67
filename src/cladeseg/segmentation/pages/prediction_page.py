"""The page of quality control for masks whose truth nobody knows: what stands out first, and marks to export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.report import Block, Cell, Row, number_cell, row_chart, table_block, text_cell, write_page
from cladeseg.segmentation.pages.head import head_block, made_facts, use_facts
from cladeseg.segmentation.pages.page_cases import ShownCase, case_anchor, cases_block, viewer_block
from cladeseg.segmentation.pages.page_record import CASES, PAGE, read_record
from cladeseg.segmentation.pages.prediction_cases import FOLDER
from cladeseg.segmentation.pages.score_blocks import nodes_in_order
from cladeseg.segmentation.pages.stored_case import read_case
from cladeseg.segmentation.pages.volume_reference import ENOUGH, FAR, VolumeReference, references
from cladeseg.taxonomy import Taxonomy

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
    usual = references(record.get("training_volumes") or {})
    reasons = {case["name"]: _reasons(case, usual, taxonomy) for case in cases}
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
        _head(record, usual, taxonomy),
        _table(order, usual, reasons, taxonomy, shown=[case.name for case in shown]),
        *_distances(cases, usual, taxonomy),
        _marks(order, [case.name for case in shown]),
        *(
            [cases_block("Cases", shown, taxonomy, notes=_NOTES, slices=2), viewer_block(shown, taxonomy)]
            if shown
            else []
        ),
    ]
    title = f"{taxonomy.name}: quality control of {len(cases)} predictions"
    return write_page(output or folder / PAGE, title, blocks, subtitle="There is no truth to compare with.")


_NOTES = ["What stands out comes first. Uncertainty is the entropy of the leaf given the superclass."]


def _marks(cases: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> Block:
    names = [case["name"] for case in cases]
    return Block("marks", "Marks", {"cases": [(name, case_anchor(name) if name in shown else "") for name in names]})


def _distances(
    cases: Sequence[Mapping[str, Any]], usual: Mapping[str, VolumeReference], taxonomy: Taxonomy
) -> list[Block]:
    """A chart of all cases, if there is anything to compare with."""
    rows = []
    for v in nodes_in_order(taxonomy):
        name = taxonomy.names[v]
        found = [(case["name"], _distance(case, name, usual)) for case in cases]
        known = [(case, distance) for case, distance in found if distance is not None]
        if known:
            titles = [f"{case}: {distance:+.1f}" for case, distance in known]
            rows.append(Row(name, [distance for _, distance in known], titles=titles))
    if not rows:
        return []
    description = (
        "Each circle is a case: how far the logarithm of its volume lies from the median of the training cases "
        f"(dashed line), in robust standard deviations of theirs. Beyond {FAR} a case stands out."
    )
    chart = row_chart(rows, x_label="distance to the training cases", description=description, reference=0.0)
    return [Block("charts", "Volumes beside those of training", {"charts": [("Distance", chart)], "notes": []})]


def _distance(case: Mapping[str, Any], name: str, usual: Mapping[str, VolumeReference]) -> float | None:
    return usual[name].distance(case["nodes"][name]["volume_ml"]) if name in usual else None


def _reasons(case: Mapping[str, Any], usual: Mapping[str, VolumeReference], taxonomy: Taxonomy) -> list[str]:
    """Why somebody should look at a case."""
    reasons = [
        f"{name} is empty"
        for name in taxonomy.leaf_names[1:]
        if not case["nodes"][name]["volume_ml"] and not (name in usual and usual[name].empty)
    ]
    for name in taxonomy.names[1:-1]:
        distance = _distance(case, name, usual)
        if distance is not None and abs(distance) > FAR:
            reasons.append(f"{name} is unusually {'large' if distance > 0 else 'small'}")
    tops = [taxonomy.names[v] for v in taxonomy.children(taxonomy.root) if v != taxonomy.background]
    pieces = {name: case["nodes"][name]["components"] for name in tops}
    return reasons + [f"{name} is in {count} pieces" for name, count in pieces.items() if count > 1]


def _head(record: Mapping[str, Any], usual: Mapping[str, VolumeReference], taxonomy: Taxonomy) -> Block:
    facts = [
        ("Images", str(record.get("images", ""))),
        ("Weights", str(record.get("weights", ""))),
        ("Trained on", str(record.get("trained_on", ""))),
        *use_facts(record, "Prediction"),
    ]
    statement = {"kind": "", "head": "Not scored.", "text": "These masks were compared with no truth."}
    made, warnings = made_facts(record, "Prediction"), _warnings(usual, taxonomy)
    return head_block(facts, taxonomy=taxonomy, made=made, warnings=warnings, statement=statement)


def _warnings(usual: Mapping[str, VolumeReference], taxonomy: Taxonomy) -> list[str]:
    if not usual:
        return [
            "Nothing beside the weights says how large the structures of their training cases were, so that unusual "
            "volumes are not found. Weights that 'cladeseg train' writes now come with it."
        ]
    few = [taxonomy.names[v] for v in nodes_in_order(taxonomy) if not _is_usable(usual.get(taxonomy.names[v]))]
    if not few:
        return []
    return [f"Unusual volumes are not found of {', '.join(few)}: fewer than {ENOUGH} training cases show their volume."]


def _is_usable(reference: VolumeReference | None) -> bool:
    return reference is not None and reference.is_usable


def _table(
    cases: Sequence[Mapping[str, Any]],
    usual: Mapping[str, VolumeReference],
    reasons: Mapping[str, Sequence[str]],
    taxonomy: Taxonomy,
    *,
    shown: Sequence[str],
) -> Block:
    names = [taxonomy.names[v] for v in nodes_in_order(taxonomy)]
    header = ["case", "look at it because", "uncertainty"]
    for name in names:
        header += [f"{name} ml", f"{name} pieces", *([f"{name} distance"] if _is_usable(usual.get(name)) else [])]
    rows = []
    for case in cases:
        name = case["name"]
        row = [
            text_cell(name, link=case_anchor(name) if name in shown else ""),
            text_cell("; ".join(reasons[name]) or "–", wide=True, kind="bad" if reasons[name] else ""),
            number_cell(case["uncertainty"]),
        ]
        for node in names:
            row += _node_cells(case["nodes"][node], usual.get(node))
        rows.append(row)
    notes = [
        "Uncertainty: one minus the probability of the most probable leaf, over the voxels of structures. "
        "Pieces: components connected by faces."
    ]
    if any(map(_is_usable, usual.values())):
        notes.append(
            "Distance: of the logarithm of the volume from the median of the training cases, in their robust standard "
            f"deviations; beyond {FAR} it stands out."
        )
    return table_block("Every case", "What stands out first", header, rows, notes=notes, filtered=True)


def _node_cells(measures: Mapping[str, float], usual: VolumeReference | None) -> list[Cell]:
    cells = [number_cell(measures["volume_ml"], 2), number_cell(measures["components"], 0)]
    if usual is None or not usual.is_usable:
        return cells
    distance = usual.distance(measures["volume_ml"])
    kind = "bad" if distance is not None and abs(distance) > FAR else ""
    return [*cells, number_cell(distance, 1, sign="+", kind=kind)]
